"""The headers of mail that others wrote: each as it was written, in one line; only a subject is decoded.

Python's own parser (``email.policy.default``) raises what it happens to: ``IndexError`` for ``<[…@microsoft.com]>``,
which is how Exchange names mails (github.com/python/cpython/issues/105802 and 117849), ``UnboundLocalError`` for
``<a@[`` (issues/134152), ``UnicodeEncodeError`` for half a character in an encoded word. And for some values it takes
seconds, longer by the square of their length. ``email``'s own looks at headers, for types, boundaries and character
sets, go through the policy too.
"""

from contextlib import suppress
from email.message import EmailMessage
from email.policy import EmailPolicy
from typing import cast

#: The longest subject that is decoded, in characters: a line's most (RFC 5322, 2.1.1).
_LONGEST = 998
#: And of any value that much is read: ``email`` splits parameters in a time that grows by the square.
_MOST = 16_384


class Written(str):
    """A header's value as it was written."""

    __slots__ = ()

    @property
    def content_disposition(self) -> str:
        """What ``EmailMessage.is_attachment`` asks a Content-Disposition for."""
        return self.partition(";")[0].strip().lower()


class AsWritten(EmailPolicy):
    """``email.policy.default``, none of whose headers raises."""

    def header_fetch_parse(self, name: str, value: str) -> str:
        """Its beginning in one line, the bytes as UTF-8; a subject with its encoded words decoded, if it can be."""
        if name.lower() == "subject" and len(value) <= _LONGEST:
            with suppress(Exception):  # whatever the parser fails at: what is written is left
                decoded: str = super().header_fetch_parse(name, value)
                return decoded
        written = value[:_MOST].encode(errors="surrogateescape").decode(errors="replace")
        return Written(" ".join(written.split()))


#: It makes messages of that class, which a base class can't be told at run time.
AS_WRITTEN = cast("EmailPolicy[EmailMessage]", AsWritten())
