"""The stand-in's org, as tests of Salesforce reach it."""

from adapters.crm import salesforce
from adapters.crm.salesforce_auth import SalesforceAuth, client_credentials
from adapters.crm.salesforce_client import SalesforceClient
from sandbox.salesforce_org import Org
from tests.adapters.recording import plain

OWN = {"first_name": "FirstName", "last_name": "LastName", "phone": "Phone", "job_title": "Title"} | {
    "email": "Email",
    "owner": "OwnerId",
}


def org(sandbox) -> Org:
    return Org(sandbox.app.state.store)


def client(url, *, grant=None, kept=0.2, **options):
    auth = SalesforceAuth(url, grant or client_credentials("tendril", "sandbox"))
    return SalesforceClient(url, auth, kept=kept, **({"transport": plain()} | options))


def connect(sandbox, *, new="Contact", delete=True, **options):
    return salesforce.Salesforce(client(f"{sandbox.url}/salesforce", **options), new=new, delete=delete)


def there(sandbox, kind):
    """What the org holds of a kind: id → record, without those in the recycle bin."""
    held = org(sandbox).held
    return {identity: row for identity, row in org(sandbox).of(kind).items() if identity not in held.deleted}


def custom(field):
    return f"Tendril_{'_'.join(word.capitalize() for word in field.split('_'))}__c"


def named(field):
    return OWN.get(field) or custom(field)
