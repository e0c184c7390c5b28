-- The coordinator's durable state, in SQL that SQLite and PostgreSQL read alike.
-- Times are milliseconds since 1970, 0 = none. Messages are serialised protobuf in base64, as the
-- databases disagree about binary columns. States and priorities are the numbers of store.h.
-- Rows that change often are narrow; what is written once and long stands in tables of its own.
-- Each statement ends with a semicolon at the end of its line.

CREATE TABLE jobs(
  id TEXT PRIMARY KEY,
  tenant TEXT NOT NULL,
  state INTEGER NOT NULL,
  priority INTEGER NOT NULL,
  spec_digest TEXT NOT NULL,
  output_bucket TEXT NOT NULL,
  created_ms BIGINT NOT NULL,
  updated_ms BIGINT NOT NULL,
  started_ms BIGINT NOT NULL,
  ended_ms BIGINT NOT NULL,
  deadline_ms BIGINT NOT NULL,
  -- How many of its items are in each state: changed in the transaction that changes the items.
  items_pending BIGINT NOT NULL,
  items_leased BIGINT NOT NULL,
  items_completed BIGINT NOT NULL,
  items_failed BIGINT NOT NULL,
  items_canceled BIGINT NOT NULL,
  error_code INTEGER NOT NULL,
  error_message TEXT NOT NULL);
CREATE INDEX jobs_of_tenant ON jobs(tenant, id);
CREATE INDEX jobs_by_state ON jobs(state);
CREATE INDEX jobs_of_tenant_by_time ON jobs(tenant, created_ms);

CREATE TABLE job_requests(
  job_id TEXT PRIMARY KEY REFERENCES jobs(id),
  title TEXT NOT NULL,
  request_json TEXT NOT NULL,
  callback_url TEXT NOT NULL,
  warnings TEXT NOT NULL,
  correlation_id TEXT NOT NULL DEFAULT '');

CREATE TABLE job_specs(digest TEXT PRIMARY KEY, spec TEXT NOT NULL);

CREATE TABLE idempotency_keys(
  tenant TEXT NOT NULL,
  idempotency_key TEXT NOT NULL,
  body_sha256 TEXT NOT NULL,
  job_id TEXT NOT NULL REFERENCES jobs(id),
  forget_ms BIGINT NOT NULL,
  PRIMARY KEY(tenant, idempotency_key));
CREATE INDEX idempotency_keys_to_forget ON idempotency_keys(forget_ms);

CREATE TABLE items(
  job_id TEXT NOT NULL REFERENCES jobs(id),
  sheet_row BIGINT NOT NULL,
  state INTEGER NOT NULL,
  -- Raised by every assignment, never lowered.
  fence BIGINT NOT NULL,
  -- The fence that its holder committed or handed back: that holder is done with the item.
  closed_fence BIGINT NOT NULL,
  ready_ms BIGINT NOT NULL,
  failures INTEGER NOT NULL,
  losses INTEGER NOT NULL,
  node_id TEXT NOT NULL,
  updated_ms BIGINT NOT NULL,
  -- The node that failed it last: another one gets it, if there is one in time.
  avoid_node TEXT NOT NULL DEFAULT '',
  PRIMARY KEY(job_id, sheet_row));
CREATE INDEX items_by_state ON items(job_id, state, sheet_row, ready_ms);

CREATE TABLE item_specs(
  job_id TEXT NOT NULL,
  sheet_row BIGINT NOT NULL,
  spec TEXT NOT NULL,
  PRIMARY KEY(job_id, sheet_row));

CREATE TABLE item_results(
  job_id TEXT NOT NULL,
  sheet_row BIGINT NOT NULL,
  result TEXT NOT NULL,
  PRIMARY KEY(job_id, sheet_row));

CREATE TABLE item_errors(
  job_id TEXT NOT NULL,
  sheet_row BIGINT NOT NULL,
  position INTEGER NOT NULL,
  code INTEGER NOT NULL,
  message TEXT NOT NULL,
  PRIMARY KEY(job_id, sheet_row, position));

-- One row for each item that is leased, and for no other.
CREATE TABLE leases(
  job_id TEXT NOT NULL,
  sheet_row BIGINT NOT NULL,
  fence BIGINT NOT NULL,
  node_id TEXT NOT NULL,
  renewed_ms BIGINT NOT NULL,
  phase INTEGER NOT NULL,
  permille INTEGER NOT NULL,
  progressed_ms BIGINT NOT NULL,
  PRIMARY KEY(job_id, sheet_row));
CREATE INDEX leases_of_node ON leases(node_id);

-- A node and its newest session. Absent: the session was closed.
CREATE TABLE nodes(
  node_id TEXT PRIMARY KEY,
  session TEXT NOT NULL UNIQUE,
  boot_id TEXT NOT NULL,
  incarnation BIGINT NOT NULL,
  version TEXT NOT NULL,
  -- NodeState as the node last said, 0 = nothing yet.
  state INTEGER NOT NULL,
  opened_ms BIGINT NOT NULL,
  renewed_ms BIGINT NOT NULL);

-- Jobs that are over and whose callback_url has not heard of it yet.
CREATE TABLE webhook_deliveries(
  job_id TEXT PRIMARY KEY REFERENCES jobs(id),
  -- Which end of the job: it may be retried and end again.
  ended_ms BIGINT NOT NULL,
  attempts INTEGER NOT NULL,
  due_ms BIGINT NOT NULL);
CREATE INDEX webhook_deliveries_by_due ON webhook_deliveries(due_ms);

-- What the tenant's webhooks are signed with.
CREATE TABLE webhook_secrets(tenant TEXT PRIMARY KEY, secret TEXT NOT NULL);

-- A row of each tenant that was ever locked: see LockTenant.
CREATE TABLE tenant_locks(tenant TEXT PRIMARY KEY);

-- What tenants uploaded; a version is never changed nor removed.
CREATE TABLE templates(
  tenant TEXT NOT NULL,
  template_id TEXT NOT NULL,
  version BIGINT NOT NULL,
  sha256 TEXT NOT NULL,
  created_ms BIGINT NOT NULL,
  body TEXT NOT NULL,
  PRIMARY KEY(tenant, template_id, version));

-- The newest start of each node's daemon, also while it has no session.
CREATE TABLE node_journals(
  node_id TEXT PRIMARY KEY,
  journal_id TEXT NOT NULL,
  incarnation BIGINT NOT NULL,
  opened_ms BIGINT NOT NULL);

-- Nodes that an operator told to take no more items.
CREATE TABLE node_drains(node_id TEXT PRIMARY KEY, since_ms BIGINT NOT NULL);

-- How often in a row a job failed on a node for reasons that may lie with the node.
CREATE TABLE node_failures(
  job_id TEXT NOT NULL,
  node_id TEXT NOT NULL,
  failures INTEGER NOT NULL,
  PRIMARY KEY(job_id, node_id));

-- Who uses the farm, as operators said it. Those that the configuration file alone names are not here.
CREATE TABLE tenants(
  id TEXT PRIMARY KEY,
  title TEXT NOT NULL,
  -- TenantState
  state INTEGER NOT NULL,
  -- Limits: -1 = as the configuration says, 0 = none.
  items_open_max BIGINT NOT NULL,
  items_per_day_max BIGINT NOT NULL,
  items_running_max BIGINT NOT NULL,
  weight_permille BIGINT NOT NULL,
  created_ms BIGINT NOT NULL,
  updated_ms BIGINT NOT NULL);

CREATE TABLE api_keys(
  -- The part of the key that may be shown.
  id TEXT PRIMARY KEY,
  -- '' = the operators.
  tenant TEXT NOT NULL,
  title TEXT NOT NULL,
  scopes TEXT NOT NULL,
  secret_hash TEXT NOT NULL,
  created_ms BIGINT NOT NULL,
  expires_ms BIGINT NOT NULL,
  revoked_ms BIGINT NOT NULL,
  used_ms BIGINT NOT NULL);
CREATE INDEX api_keys_of_tenant ON api_keys(tenant, id);

-- Who changed what. A row is never changed.
CREATE TABLE audit_log(
  id TEXT PRIMARY KEY,
  at_ms BIGINT NOT NULL,
  who TEXT NOT NULL,
  what TEXT NOT NULL,
  target TEXT NOT NULL,
  detail TEXT NOT NULL,
  correlation_id TEXT NOT NULL);
CREATE INDEX audit_log_by_time ON audit_log(at_ms);
