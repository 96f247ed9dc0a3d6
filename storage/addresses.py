"""Which company an address speaks for: none where anyone gets a mailbox."""

from domain.addresses import ascii_domain, domain_of, normalised

__all__ = ["FREE_MAIL", "company_domain", "domain_of", "normalised"]

#: Domains where anyone gets a mailbox: an address there says nothing about a company.
FREE_MAIL = frozenset(
    """
    126.com 139.com 163.com aim.com alice.it aliyun.com aol.com arcor.de att.net bellsouth.net bigpond.com bk.ru
    bluewin.ch btinternet.com charter.net comcast.net cox.net duck.com earthlink.net fastmail.com fastmail.fm free.fr
    freenet.de gmail.com gmx.at gmx.ch gmx.com gmx.de gmx.net googlemail.com hey.com hotmail.co.uk hotmail.com
    hotmail.de hotmail.es hotmail.fr hotmail.it hushmail.com icloud.com inbox.lv inbox.ru interia.pl laposte.net
    libero.it list.ru live.co.uk live.com live.de live.fr live.nl mac.com mail.com mail.ru mailbox.org me.com msn.com
    naver.com o2.pl online.no optonline.net orange.fr outlook.com outlook.de outlook.es outlook.fr pm.me posteo.de
    proton.me protonmail.ch protonmail.com qq.com rambler.ru rediffmail.com rocketmail.com rogers.com runbox.com
    sapo.pt sbcglobal.net seznam.cz sfr.fr shaw.ca sina.com sky.com sympatico.ca t-online.de talktalk.net telenet.be
    telia.com terra.com.br tiscali.it tuta.com tuta.io tutanota.com ukr.net uol.com.br verizon.net virgilio.it
    virginmedia.com wanadoo.fr web.de wp.pl xtra.co.nz yahoo.ca yahoo.co.in yahoo.co.jp yahoo.co.uk yahoo.com
    yahoo.com.au yahoo.com.br yahoo.de yahoo.es yahoo.fr yahoo.it yandex.com yandex.ru ymail.com zoho.com ziggo.nl
    """.split()  # noqa: SIM905 - a hundred quoted names would read worse
)


def company_domain(domain: str, email: str) -> str:
    """The domain that names the company: the one given, else the address's unless anyone gets a mailbox there."""
    given = (
        domain.strip().lower().removeprefix("https://").removeprefix("http://").removeprefix("www.").partition("/")[0]
    )
    if given:
        return ascii_domain(given)
    found = domain_of(email)
    return "" if found in FREE_MAIL else found
