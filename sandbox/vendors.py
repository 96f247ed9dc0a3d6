"""Which vendors the sandbox plays. Another one is a module with a ``STAND_IN`` and its line here."""

from sandbox import (
    brevo,
    calendly,
    google,
    hubspot,
    linkedin,
    mailgun,
    meta,
    pipedrive,
    postmark,
    resend,
    salesforce,
    sendgrid,
    ses,
    slack,
)
from sandbox.stand_in import StandIn

STAND_INS: tuple[StandIn, ...] = (
    brevo.STAND_IN,
    calendly.STAND_IN,
    google.STAND_IN,
    hubspot.STAND_IN,
    linkedin.STAND_IN,
    mailgun.STAND_IN,
    meta.STAND_IN,
    pipedrive.STAND_IN,
    postmark.STAND_IN,
    resend.STAND_IN,
    salesforce.STAND_IN,
    sendgrid.STAND_IN,
    ses.STAND_IN,
    slack.STAND_IN,
)
