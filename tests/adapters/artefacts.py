"""Which test holds what of a vendor to something that the vendor itself wrote, and which test stands for a contract.

A line here without its test, or whose test's module never touches the artefact, fails ``test_docs_channels``.
"""

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Line:
    """``artefact``: a distribution that the vendor publishes (its installed version is shown), or a document by its
    name; "" where the test only shows that it works against the sandbox. ``mark``: what its module must name.
    """

    vendor: str
    feature: str
    test: str
    artefact: str = ""
    mark: str = ""


SENDING, LIST, WEBHOOK = "sending", "suppression list", "webhook in"
RECORDS, TASKS, AUDIENCES, MAIL = "records", "tasks, alerts, letters", "audiences", "mail in"

LINES = (
    Line(
        "brevo",
        SENDING,
        "test_brevo.TestBrevo.test_its_own_client_reads_the_stand_in_and_takes_what_we_send",
        "brevo-python",
    ),
    Line(
        "brevo",
        LIST,
        "test_brevo.TestBrevo.test_its_own_client_reads_the_stand_in_and_takes_what_we_send",
        "brevo-python",
    ),
    Line("mailgun", SENDING, "test_mailgun.TestByMailgunsLibrary.test_it_knows_our_options", "mailgun"),
    Line(
        "mailgun", WEBHOOK, "test_mailgun_webhook.test_mailguns_own_library_accepts_what_the_stand_in_signs", "mailgun"
    ),
    Line("postmark", SENDING, "test_postmark.TestPostmark.test_the_sdks_model_reads_what_is_sent", "postmark-python"),
    Line(
        "postmark",
        WEBHOOK,
        "test_postmark.TestPostmarkWebhook.test_the_sdks_model_reads_the_stand_ins_bounce",
        "postmark-python",
    ),
    Line("resend", SENDING, "test_resend.TestResend.test_the_sdk_and_the_stand_in_understand_each_other", "resend"),
    Line(
        "resend",
        SENDING,
        "test_resend.TestResend.test_requests_and_answers_are_what_the_specification_allows",
        "its OpenAPI document",
        "resend.yaml",
    ),
    Line(
        "resend",
        WEBHOOK,
        "test_resend.TestResendWebhook.test_the_sdks_verifier_accepts_the_stand_ins_signature",
        "svix",
    ),
    Line(
        "sendgrid",
        SENDING,
        "test_sendgrid.TestSendGrid.test_the_sdk_and_the_stand_in_understand_each_other",
        "sendgrid",
    ),
    Line(
        "sendgrid",
        SENDING,
        "test_sendgrid.TestSendGrid.test_requests_are_what_the_specification_allows",
        "its OpenAPI document of Mail Send v3",
        "sendgrid-mail-v3.json",
    ),
    Line(
        "sendgrid",
        WEBHOOK,
        "test_sendgrid.TestSendGridWebhook.test_the_sdks_verifier_accepts_the_stand_ins_signature",
        "sendgrid",
    ),
    Line("ses", SENDING, "test_ses.TestByBotocore.test_its_model_has_our_request_just_so", "botocore"),
    Line("ses", LIST, "test_ses.TestByBotocore.test_its_client_reads_what_the_stand_in_answers", "botocore"),
    Line(
        "hubspot",
        RECORDS,
        "test_hubspot.test_hubspots_own_client_reads_what_the_stand_in_answers",
        "hubspot-api-client",
    ),
    Line(
        "hubspot",
        RECORDS,
        "test_hubspot.test_requests_and_answers_are_as_hubspots_specification_has_them",
        "its OpenAPI documents v3",
        "hubspot_spec",
    ),
    Line(
        "hubspot",
        WEBHOOK,
        "test_hubspot_webhook.test_what_hubspot_signed_is_taken_as_hubspots_own_client_takes_it",
        "hubspot-api-client",
    ),
    Line(
        "pipedrive", RECORDS, "test_pipedrive.test_pipedrives_python_client_reads_what_we_wrote", "pipedrive-python-lib"
    ),
    Line("pipedrive", WEBHOOK, "test_pipedrive_webhook.test_each_record_is_told_by_our_name"),
    Line(
        "salesforce",
        RECORDS,
        "test_salesforce.test_simple_salesforce_reads_what_we_wrote_and_we_read_what_it_wrote",
        "simple-salesforce",
    ),
    Line(
        "google",
        AUDIENCES,
        "test_google.test_every_request_and_answer_is_a_message_that_google_publishes",
        "google-ads-datamanager",
        "datamanager_v1",
    ),
    Line("meta", AUDIENCES, "test_meta.test_we_send_what_metas_own_library_sends", "facebook-business"),
    Line("slack", TASKS, "test_slack.test_slacks_own_models_find_nothing_wrong_with_a_message", "slack-sdk"),
    Line("slack", WEBHOOK, "test_slack.test_slacks_own_verifier_and_ours_agree", "slack-sdk"),
    Line("calendly", WEBHOOK, "test_calendly.test_what_is_signed_is_taken_and_what_is_not_is_forged"),
    Line("signed", WEBHOOK, "test_webhook_inbound.test_what_is_signed_is_taken", "standardwebhooks"),
    Line("imap", MAIL, "test_imap.test_pythons_own_client_reads_the_stand_in", "imaplib of Python", "imaplib"),
    Line("postmark-mail", MAIL, "test_mail_in.test_a_reply_is_told_as_what_it_is"),
    Line("mailgun-mime", MAIL, "test_mail_in.test_a_reply_is_told_as_what_it_is"),
    Line("sendgrid-mail", MAIL, "test_mail_in.test_a_reply_is_told_as_what_it_is"),
    Line("ses-mail", MAIL, "test_mail_in.test_a_reply_is_told_as_what_it_is"),
)
