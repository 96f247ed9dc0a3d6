"""Every setting, from the environment: ``TENDRIL_`` and the field's name in capitals, such as ``TENDRIL_DATABASE_URL``.

Read once, at a process's start, and handed down; nothing else reads the environment. ``docs/settings.md`` lists them
all and a test holds it to the descriptions here.
"""

from pathlib import Path
from typing import Literal

from pydantic import Field, SecretStr, ValidationInfo, field_validator
from pydantic_settings import SettingsConfigDict

from adapters.environment import FromEnvironment
from domain.trust import Scanners


class Settings(FromEnvironment):
    model_config = SettingsConfigDict(
        env_prefix="TENDRIL_", env_ignore_empty=True, extra="ignore", frozen=True, hide_input_in_errors=True
    )

    # Storage
    database_url: str = Field("", description="PostgreSQL URL; empty means the embedded server in the data directory.")
    database_pool: int = Field(10, ge=1, le=200, description="Most database connections of one process.")

    # Temporal
    temporal_address: str = Field("127.0.0.1:7233", description="Host and port of the Temporal frontend.")
    temporal_namespace: str = Field("default", description="Temporal namespace.")
    temporal_api_key: SecretStr = Field(SecretStr(""), description="API key, for Temporal Cloud.")
    temporal_tls: bool = Field(False, description="Use TLS to Temporal; implied by an API key or a client certificate.")
    temporal_tls_ca: Path | None = Field(None, description="PEM file with the CA of the Temporal server.")
    temporal_tls_cert: Path | None = Field(None, description="PEM file with the client certificate (mTLS).")
    temporal_tls_key: Path | None = Field(None, description="PEM file with the client certificate's key (mTLS).")
    temporal_retention_days: int = Field(90, ge=1, description="Least retention of closed journeys, in days.")
    task_queue: str = Field("tendril", min_length=1, description="Task queue of journeys and their activities.")
    payload_keys: SecretStr = Field(
        SecretStr(""),
        description="Keys that encrypt what Temporal stores, `ID:KEY` with commas between, KEY being 32 bytes in"
        " base64: the first encrypts, all decrypt; `plain` first: none encrypts, all decrypt (docs/security.md).",
    )
    payload_keys_file: Path | None = Field(None, description="The same as a file, one `ID:KEY` a line.")

    # Worker
    worker_workflow_tasks: int = Field(40, ge=2, description="Most workflow tasks at once in one worker.")
    worker_local_activities: int = Field(40, ge=1, description="Most decisions being made at once in one worker.")
    worker_activities: int = Field(100, ge=1, description="Most touches being carried out at once in one worker.")
    worker_cached_workflows: int = Field(2000, ge=0, description="Most journeys kept in memory between their tasks.")
    build_id: str = Field("", description="Name of this build as Temporal shows it: a version, a commit.")
    deployment_name: str = Field(
        "",
        description="Worker Versioning: the deployment that `TENDRIL_BUILD_ID` is a version of (docs/upgrading.md)."
        " Empty: any worker takes any task.",
    )
    worker_drain: float = Field(
        22.0,
        ge=0,
        description="Seconds a stopping worker lets running touches finish, at most; more than a vendor may take.",
    )
    relay_concurrency: int = Field(32, ge=1, description="Most journeys being woken at once by one relay.")
    relay_undecided: int = Field(
        16,
        ge=1,
        description="Most journeys that one relay has woken and that have not decided yet; an eighth of them of one"
        " source (a write key, enrolments) while others have something to say, too; where decisions take long, more.",
    )
    reconcile_interval: float = Field(300.0, gt=0, description="Seconds between pushes of CRM fields and audiences.")
    audit_interval: float = Field(3600.0, ge=60, description="Seconds between audits of every lead (docs/audit.md).")
    send_timeout: float = Field(20.0, gt=0, le=20, description="Hard limit in seconds of one attempt at a touch.")
    metrics_port: int = Field(
        0, ge=0, le=65535, description="Port of the worker's /metrics, /healthz and /readyz; 0 for none."
    )
    sdk_metrics_port: int = Field(
        0, ge=0, le=65535, description="Port of what Temporal's SDK counts in the worker; 0 for none."
    )

    # E-mail
    email_vendor: str = Field("smtp", description="Who carries mail: `smtp`, or a vendor of docs/channels.md.")
    smtp_host: str = Field("127.0.0.1", description="SMTP server.")
    smtp_port: int = Field(1025, ge=1, le=65535, description="Port of the SMTP server.")
    smtp_security: Literal["none", "starttls", "tls"] = Field("none", description="How the SMTP connection is secured.")
    smtp_username: str = Field("", description="SMTP user; empty for no authentication.")
    smtp_password: SecretStr = Field(SecretStr(""), description="SMTP password.")
    smtp_lookup_url: str = Field(
        "http://127.0.0.1:8025",
        description="Where a Message-ID can be asked for after a crash (the local inbox); empty when it can't.",
    )
    dkim_domain: str = Field(
        "",
        description="Domain that SMTP mail is signed for, several with commas between; empty leaves it to the relay.",
    )
    dkim_selector: str = Field("", description="Selector below which the DKIM key's public part is in the DNS.")
    dkim_key: SecretStr = Field(SecretStr(""), description="DKIM private key (RSA or Ed25519), as PEM.")
    dkim_key_file: Path | None = Field(None, description="The same as a PEM file.")

    reply_address: str = Field(
        "",
        description="Where replies go, each mail's name behind a `+`: an address, or `sender` for the playbook's own;"
        " empty: replies are not read.",
    )
    suppressions_interval: float = Field(
        3600.0,
        gt=0,
        description="Seconds between looks at the mail vendor's list of whom it won't write to; webhooks tell sooner.",
    )
    track_links: bool = Field(
        True,
        description="Links in mail lead through `TENDRIL_PUBLIC_URL`, which notes that they were followed.",
    )
    track_opens: bool = Field(
        True, description="Mail has a picture that notes that it was opened. That never moves a journey."
    )

    crm_vendor: str = Field("hubspot", description="The CRM: `hubspot`, or another vendor of docs/channels.md.")
    crm_interval: float = Field(
        300.0, gt=0, description="Seconds between looks at what sales changed in the CRM; its webhooks tell at once."
    )
    ads_vendors: str = Field(
        "linkedin",
        description="Where audiences are kept, with commas between: `linkedin`, `google`, `meta`; or `none`.",
    )

    scanner_networks: str = Field(
        "",
        description="Networks whose visits are machines' and never count, with commas between, such as `192.0.2.0/24`.",
    )
    scanner_agents: str = Field(
        "",
        description="Parts of user agents that are machines', with commas between; at least four characters each.",
    )

    task_vendor: str = Field(
        "crm", description="Where sellers get tasks and handoffs: `crm`, or a chat such as `slack`."
    )
    alert_vendor: str = Field("webhook", description="Who tells sales of alerts: `webhook`, or a chat such as `slack`.")

    # CRM, ads, webhooks: the sandbox's stand-ins until real ones are named
    hubspot_base_url: str = Field("http://127.0.0.1:8025/hubspot", description="HubSpot API, or its stand-in.")
    linkedin_base_url: str = Field(
        "http://127.0.0.1:8025/linkedin", description="LinkedIn Marketing API, or its stand-in."
    )
    direct_mail_url: str = Field(
        "http://127.0.0.1:8025/webhooks/direct-mail", description="Webhook that posts letters."
    )
    alert_url: str = Field("http://127.0.0.1:8025/webhooks/alerts", description="Webhook that tells sales at once.")
    webhook_secret: SecretStr = Field(
        SecretStr("whsec_c2FuZGJveC1zYW5kYm94LXNhbmRib3g="), description="Standard Webhooks secret that signs both."
    )
    webhook_lookup_url: str = Field(
        "http://127.0.0.1:8025/webhooks",
        description="Where a receiver on the same host can be asked after a crash what it took (`?id=` a webhook-id).",
    )

    # API
    api_host: str = Field("127.0.0.1", description="Address the API listens on.")
    api_port: int = Field(8000, ge=0, le=65535, description="Port of the API.")
    trusted_proxies: str = Field(
        "",
        description="Addresses or networks of proxies in front of the API, with commas between: what they say of who"
        " calls (`X-Forwarded-For`, `-Proto`) holds. Empty for none, `*` for any.",
    )
    public_url: str = Field(
        "http://127.0.0.1:8000",
        description="Address of the API as leads reach it: what links in mail lead to, or through.",
    )
    tracking_rate: float = Field(
        2000.0,
        ge=0,
        description="Events a second that a key without a rate of its own may send to one API process, ten seconds'"
        " worth at once; 0 for any.",
    )
    decode_rate: float = Field(
        200.0,
        ge=0,
        description="Payloads a second that one key may have decoded for Temporal's UI, ten seconds' worth at once;"
        " 0 for any.",
    )
    enrol_on: str = Field(
        "",
        description="What begins a journey beside `POST /v1/leads` and imports, with commas between: `identify` (that"
        " brings an address), `form`, or `form:NAME` for one form.",
    )
    form_redirect_hosts: str = Field(
        "", description="Hosts, with commas between, that a sent HTML form may lead to over https; empty for none."
    )
    form_honeypot: str = Field(
        "_gotcha", min_length=1, description="Field of HTML forms that people do not see: who fills it is a machine."
    )
    secret: SecretStr = Field(
        SecretStr("change-me"),
        description="Signs links in mail: all that lead to the public address. 32 random bytes (docs/security.md).",
    )
    secret_previous: SecretStr = Field(
        SecretStr(""), description="Former secrets, oldest first, with commas between: links they signed still work."
    )
    demo: bool = Field(False, description="Show the console's pages to this machine without a key.")
    temporal_ui_url: str = Field(
        "http://127.0.0.1:8233",
        description="Where the Temporal UI is opened: where the console's links lead, and whose pages may ask"
        " the codec; empty for none.",
    )

    # The embedded stack (``tendril up``)
    data_dir: Path = Field(Path(".tendril"), description="Where the embedded stack keeps everything it stores.")
    temporal_port: int = Field(7233, ge=1, le=65535, description="Port of the embedded Temporal server.")
    temporal_ui_port: int = Field(8233, ge=1, le=65535, description="Port of the embedded Temporal server's UI.")
    inbox_port: int = Field(8025, ge=1, le=65535, description="Port of the local inbox's page and the sandbox vendors.")
    clock_scale: float | None = Field(
        None,
        gt=0,
        description="Deployment seconds per real second in `tendril up`; empty: 86400 with the demo, else 1.",
    )

    # Logs and traces
    log_format: Literal["auto", "console", "json"] = Field(
        "auto", description="Logs for people (`console`), or one JSON object a line; `auto`: for people on a terminal."
    )
    otlp_endpoint: str = Field(
        "", description="OTLP/HTTP collector that traces go to, such as `http://127.0.0.1:4318`; empty: none are made."
    )
    log_level: Literal["debug", "info", "warning", "error"] = Field("info", description="Least level that is logged.")
    secrets_dir: Path | None = Field(
        None,
        description="Directory of files named like these variables, such as `tendril_secret`: what the environment"
        " does not say is read there, as containers are given secrets.",
    )

    @property
    def link_secrets(self) -> list[str]:
        """What links in mail may be signed with; the last one signs new links."""
        former = self.secret_previous.get_secret_value().split(",")
        return [secret.strip() for secret in former if secret.strip()] + [self.secret.get_secret_value()]

    @field_validator("scanner_agents", "scanner_networks")
    @classmethod
    def _can_be_read(cls, given: str, info: ValidationInfo) -> str:
        Scanners.read(*((given, "") if info.field_name == "scanner_agents" else ("", given)))
        return given

    @field_validator("deployment_name")
    @classmethod
    def _of_a_build(cls, given: str, info: ValidationInfo) -> str:
        if given and not info.data.get("build_id"):
            raise ValueError("a version of a deployment needs TENDRIL_BUILD_ID, too")
        return given

    @field_validator("enrol_on")
    @classmethod
    def _known_ways(cls, given: str) -> str:
        for way in _listed(given):
            kind, colon, name = way.partition(":")
            if way not in {"identify", "form"} and (kind != "form" or not colon or not name):
                raise ValueError(f"“{way}” begins no journey: give identify, form or form:NAME")
        return given

    def enrols(self, kind: Literal["identify", "form"], name: str = "") -> bool:
        """Whether an identify, or a form of that name, begins a journey."""
        return not {kind, f"{kind}:{name}"}.isdisjoint(_listed(self.enrol_on))

    @property
    def scanners(self) -> Scanners:
        """Machines that the operator knows beside ours."""
        return Scanners.read(self.scanner_agents, self.scanner_networks)

    @property
    def ads_networks(self) -> list[str]:
        """Where audiences are kept."""
        names = (name.strip().lower() for name in self.ads_vendors.split(","))
        return [name for name in names if name not in ("", "none")]

    @property
    def form_hosts(self) -> list[str]:
        """Where a sent form may lead."""
        return [host.lower() for host in _listed(self.form_redirect_hosts)]

    @property
    def mail_lookup_url(self) -> str:
        """Where mail can be asked for; "" when it leaves by a server of which nobody said that it can be asked.

        The default is the local inbox's, whose "never seen" about another server's mail would send it twice.
        """
        elsewhere = {"smtp_host", "smtp_port"} & self.model_fields_set
        return "" if elsewhere and "smtp_lookup_url" not in self.model_fields_set else self.smtp_lookup_url

    @property
    def claim_lease(self) -> float:
        """Seconds a claim is held: longer than an attempt's hard limit, so an open attempt never loses its claim."""
        return self.send_timeout + 5


def _listed(text: str) -> list[str]:
    return [part.strip() for part in text.split(",") if part.strip()]
