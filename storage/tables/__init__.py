"""The tables. One class each; what a column means stands beside it. Migrations are in ``storage/migrations``.

Times are ``timestamptz`` on the deployment's clock, but for columns ending in ``_real_at`` or ``leased_until``, which
are wall-clock time. Ids are opaque: an address or a name appears only in ``lead``, ``account``, ``behaviour``,
``suppression`` and, for a while, ``erasure``; ``lead_merge`` keeps what of them a merge changed, ``crm_record`` what
the CRM had of them, ``crm_seller`` the sellers' own, and ``webhook_request`` what vendors said, for a while.
"""

from storage.tables.audiences import NetworkAudience, NetworkMember, NetworkReach, NetworkRequest
from storage.tables.auditing import AuditFinding, AuditRun
from storage.tables.columns import finish_columns
from storage.tables.crm import CrmCursor, CrmDeal, CrmNews, CrmSeller
from storage.tables.holds import Hold
from storage.tables.journeys import AudienceMember, CrmRecord, DecisionRow, Handoff, Journey, Touch
from storage.tables.keeping import ConsentWord, RetentionPass, RetentionRule
from storage.tables.mail import MailIdentity, MailMinute
from storage.tables.mailboxes import Mailbox
from storage.tables.merges import LeadMerge, SamePerson
from storage.tables.naming import AccountIdentity, Alias
from storage.tables.operations import Operation, OperationLead, OperatorAction
from storage.tables.people import (
    Account,
    AnswerRow,
    Behaviour,
    Consent,
    Erasure,
    Identity,
    Lead,
    PendingWake,
    Preference,
    Suppression,
    Tombstone,
)
from storage.tables.running import ApiKey, DeadLetter, Deployment, ImportRun, PlaybookActive, PlaybookVersion
from storage.tables.vendors import SuppressionPull, WebhookRequest

__all__ = [
    "Account",
    "AccountIdentity",
    "Alias",
    "AnswerRow",
    "ApiKey",
    "AudienceMember",
    "AuditFinding",
    "AuditRun",
    "Behaviour",
    "Consent",
    "ConsentWord",
    "CrmCursor",
    "CrmDeal",
    "CrmNews",
    "CrmRecord",
    "CrmSeller",
    "DeadLetter",
    "DecisionRow",
    "Deployment",
    "Erasure",
    "Handoff",
    "Hold",
    "Identity",
    "ImportRun",
    "Journey",
    "Lead",
    "LeadMerge",
    "MailIdentity",
    "MailMinute",
    "Mailbox",
    "NetworkAudience",
    "NetworkMember",
    "NetworkReach",
    "NetworkRequest",
    "Operation",
    "OperationLead",
    "OperatorAction",
    "PendingWake",
    "PlaybookActive",
    "PlaybookVersion",
    "Preference",
    "RetentionPass",
    "RetentionRule",
    "SamePerson",
    "Suppression",
    "SuppressionPull",
    "Tombstone",
    "Touch",
    "WebhookRequest",
]

finish_columns()
