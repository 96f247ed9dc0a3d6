"""E-mail addresses and domains as they are compared and stored."""

#: Domains where anyone gets a mailbox: an address there says nothing about a company.
FREE_MAIL = frozenset(
    """
    aol.com bk.ru btinternet.com comcast.net duck.com fastmail.com fastmail.fm free.fr gmail.com gmx.at gmx.com gmx.de
    gmx.net googlemail.com hey.com hotmail.co.uk hotmail.com hotmail.de hotmail.fr hotmail.it icloud.com inbox.ru
    laposte.net libero.it list.ru live.com live.co.uk live.fr mac.com mail.com mail.ru me.com msn.com naver.com
    orange.fr outlook.com outlook.de outlook.fr pm.me proton.me protonmail.com qq.com rediffmail.com rocketmail.com
    sbcglobal.net t-online.de tuta.com tutanota.com verizon.net wanadoo.fr web.de yahoo.ca yahoo.co.in yahoo.co.jp
    yahoo.co.uk yahoo.com yahoo.de yahoo.es yahoo.fr yahoo.it yandex.com yandex.ru ymail.com zoho.com 126.com 163.com
    """.split()  # noqa: SIM905 - eighty quoted names would read worse
)


def normalised(email: str) -> str:
    """The address as it is stored and compared: trimmed, lower case."""
    return email.strip().lower()


def domain_of(email: str) -> str:
    """The part after the last @, or ""."""
    return email.rpartition("@")[2] if "@" in email else ""


def company_domain(domain: str, email: str) -> str:
    """The domain that names the company: the one given, else the address's unless anyone gets a mailbox there."""
    given = (
        domain.strip().lower().removeprefix("https://").removeprefix("http://").removeprefix("www.").partition("/")[0]
    )
    if given:
        return given
    found = domain_of(email)
    return "" if found in FREE_MAIL else found
