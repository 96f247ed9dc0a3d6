"""An example for each model of the reference. A test reads every one with its model, so none can go stale."""

EXAMPLES = {
    "Playbook": """
name: b2b-saas
title: Example Metrics nurture
follow: true
sender: {…}
senders:
  enterprise_team:
    name: Example Metrics, enterprise team
    email: team@enterprise.example.com
    postal_address: Example Metrics, 1 Sample Street, 10115 Sampletown
sending: {…}
topics:
  guides: Guides and checklists
  events: Webinars and events
variables:
  site: https://www.example.com
lead_fields: {…}
behaviours: {…}
patterns: {…}
scoring: {…}
segments: […]
lengths: […]
situations: […]
triage: […]
disqualify: […]
stages: […]
tracks: […]
triggers: […]
profile: {…}
experiments: […]
cadence: {…}
audiences: […]
handoff: {…}
crm: {…}
re_engagement: {…}
length_limit: 365d
re_entry: {…}
""",
    "Sender": """
sender:
  name: Example Metrics
  email: hello@mail.example.com
  reply_to: sales@example.com
  postal_address: Example Metrics, 1 Sample Street, 10115 Sampletown
""",
    "Sending": """
sending:
  warm_up: {first: 50, growth: 1.5, most: 5000}
  throttle: [{domain: gmail.com, most: 60}, {domain: "*", most: 300}]
  breaker: {bounces: 5, complaints: 0.1, within: 1d}
""",
    "WarmUp": """
warm_up: {first: 50, growth: 1.5, most: 5000}
""",
    "Throttle": """
throttle: [{domain: gmail.com, most: 60}, {domain: "*", most: 300}]
""",
    "Breaker": """
breaker: {bounces: 5, complaints: 0.1, within: 1d, least: 200}
""",
    "LeadField": """
lead_fields:
  role: {type: string, label: Role}
  employees: {type: int, label: Employees}
""",
    "BehaviourMatch": """
behaviours:
  demo_video: {on: track, event: Video Watched, where: {video: demo}, label: watched the demo, points: 15, most: 3}
  pricing_visit: {on: page, path: /pricing*, label: saw prices, points: 20, half_life: 7d, once_per: 1d, group: web}
  mail_open: {on: delivery, event: opened, label: opened a mail, meaningful: false}
""",
    "Pattern": """
patterns:
  serious_look: {all: [pricing_visit, case_study], within: 7d, label: saw prices and proof, points: 10, group: web}
  came_for_prices: {sequence: [webinar, pricing_visit], within: 14d, label: came for prices, points: 10, half_life: 7d}
  three_visits: {any: [pricing_visit], times: 3, within: 7d, label: came thrice, points: 5, once_per: 7d, most: 2}
  many_ways: {any: [mail_click, ad_click, pricing_visit], times: 3, groups: 2, within: 30d, label: came by several ways}
""",
    "Length": """
lengths:
  - {id: smb, when: lead.employees < 50, preset: smb}
  - {id: public, label: Public bodies, when: lead.role == "public_buyer", limit: 540d, factor: 3}
  - {id: enterprise, label: Large companies, preset: enterprise, limit: 270d}
""",
    "Situation": """
situations:
  - id: needs_approval
    label: Needs approval
    when: lead.role == "analyst" && stage == "evaluation"
    advice: Offer a one-page summary for whoever decides.
""",
    "Wait": """
wait: {behaviours: [webinar_attended], lookback: 2d, then: skip, otherwise: send}
""",
    "Profile": """
profile:
  consent: We use your answer only to choose what we send you.
  thanks: Thank you. What comes next fits you better.
  questions: […]
  touches:
    - {id: ask-first, asset: one-question, ask: next, gap: 0d}
  patience: 7d
  otherwise: sales_review
""",
    "Question": """
questions:
  - field: employees
    ask: How many people work at your company?
    help: Roughly is fine.
    options: […]
""",
    "Option": """
options:
  - {label: Fewer than 50, value: 25}
  - {label: 50 or more, value: 200}
""",
    "Experiment": """
experiments:
  - id: cost-subject
    label: Does a question in the subject bring more people back?
    steps: [cost]
    when: lead.country == "US"
    holdout: 5
    variants: […]
""",
    "Variant": """
variants:
  - {id: control}
  - {id: question, weight: 2, subject: What does a manual report cost you?}
  - {id: letter, asset: cost-letter, channel: direct_mail, gap: 7d}
""",
    "Pace": """
paces:
  - {id: engaged, when: behaviour.pricing_visit.in_7d >= 1, factor: 0.5}
  - {id: quiet, label: Quiet for three weeks, when: days.quiet >= 21, factor: 2}
""",
    "Holidays": """
holidays: {lead: true, countries: [DE], unknown: US}
""",
    "RecycleRule": """
reasons:
  no_fit: {disqualify: poor_fit}
  no_budget: {cool_down: 90d, stage: research}
""",
    "Scoring": """
scoring:
  fit: {…}
  intent: {…}
  mql: 40
  sales_ready: 70
""",
    "Fit": """
fit:
  base: 20
  rules: […]
  grades: {A: 75, B: 50, C: 25, D: 0}
""",
    "FitRule": """
rules:
  - {id: decision-maker, when: 'lead.role in ["cfo", "coo"]', points: 40}
""",
    "Intent": """
intent:
  half_life: 14d
  caps: {web: 60}
  entry: […]
""",
    "IntentBaseline": """
entry:
  - {id: referral, when: lead.source == "referral", points: 20}
""",
    "Segment": """
segments:
  - {id: enterprise, label: Enterprise, when: lead.employees >= 200, sender: enterprise_team}
  - {id: smb, label: Small and medium}
""",
    "TriageRule": """
triage:
  - {id: job-seeker, when: 'lead.role == "job_seeker"', then: disqualify, reason: job_applicant}
""",
    "DisqualifyRule": """
disqualify:
  - {id: competitor, when: 'lead.email_domain == "competitor.example"', reason: competitor}
""",
    "Stage": """
stages:
  - id: research
    question: How is this solved?
    transitions: […]
""",
    "Transition": """
transitions:
  - {to: comparison, when: behaviour.case_study >= 1 || score.intent >= 30}
""",
    "Track": """
tracks:
  - segment: enterprise
    stage: research
    touches: […]
  - segment: "*"
    stage: evaluation
    order: priority
    touches: […]
    exhausted: re_engage
""",
    "Touch": """
touches:
  - {id: guide, asset: guide, gap: 3d}
  - {id: webinar, asset: webinar-summary, gap: 7d, wait: {…}, priority: 20, window: any}
  - {id: size, asset: one-question, ask: employees, gap: 5d}
  - {id: look, channel: sdr_task, gap: 7d, note: Write a personal note., when: score.fit >= 50}
""",
    "Trigger": """
triggers:
  - id: on-pricing
    behaviour: pricing_visit
    cool_down: 14d
    touch: {asset: pricing-answers, delay: 1h, expires: 5d}
    alert: Looked at pricing.
    stage: comparison
    audiences: {add: [high_intent]}
  - id: first-demo
    behaviour: demo_video
    when: score.fit >= 50
    first_only: true
    cool_down: 0d
    priority: 80
    alert: Watched the demo for the first time.
""",
    "TriggerTouch": """
touch:
  channel: sdr_task
  asset: pricing-answers
  note: Offer to answer questions about the price.
  delay: 1h
  expires: 3d
  window: any
""",
    "AudienceChange": """
audiences: {add: [high_intent], remove: [cold]}
""",
    "Cadence": """
cadence:
  days: [mon, tue, wed, thu, fri]
  opens: 09:00
  closes: 17:00
  timezone: Europe/Berlin
  holidays: {…}
  spread: 90m
  least_gap: 20h
  caps: […]
  paces: […]
""",
    "Cap": """
caps:
  - {most: 2, within: 7d}
  - {per: account, channel: email, most: 10, within: 7d}
""",
    "Audience": """
audiences:
  - {id: nurture, label: In nurture, when: score.intent >= 10, networks: [linkedin, google]}
""",
    "CrmMapping": """
crm:
  fields:
    fit_level: {hubspot: lead_fit, salesforce: Lead_Fit__c}
    landing_page: false
    campaign: {hubspot: false}
  corrections:
    role: {hubspot: jobtitle, salesforce: Title}
  opportunity: {…}
""",
    "Opportunity": """
opportunity:
  title: Handed over by nurturing
  pipeline: {hubspot: default}
  stage: {hubspot: appointmentscheduled}
""",
    "Handoff": """
handoff:
  rules: […]
  sla: 48h
  remind: 24h
  expires: 5d
  recycle: {…}
""",
    "HandoffRule": """
rules:
  - {id: ready, when: score.intent >= 70 && score.fit >= 50, label: Fits well and is very active.}
""",
    "Recycle": """
recycle:
  cool_down: 30d
  reasons: {bad_data: {disqualify: invalid_contact}, no_fit: {disqualify: poor_fit}}
  most: 2
""",
    "ReEngagement": """
re_engagement:
  after: 90d
  touches:
    - {id: fresh, asset: fresh-look, gap: 0d}
    - {id: still-there, asset: one-question, gap: 10d}
  sunset: 21d
""",
    "ReEntry": """
re_entry: {policy: after, after: 90d}
""",
    "Asset": """
---
subject: Three ways to stop copying numbers by hand
preheader: What each costs, and when each is right
question: How is this solved?
stage: research
format: guide
topic: guides
cta_label: Read the whole guide
cta_url: "{{ site }}/guide"
---
Hello {{ lead.first_name | default("there") }},

there are **three ways** to get rid of manual reports, and each is right for someone.
""",
}
