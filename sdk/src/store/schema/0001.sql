-- Schema version 1. README.md beside this folder states the invariants. Times are Unix milliseconds. A column that a
-- comment calls sealed holds AES-256-GCM under the column key, bound to table, column and row.

CREATE TABLE meta (
    key   TEXT PRIMARY KEY,
    value BLOB NOT NULL                             -- sealed for some keys
) STRICT;

CREATE TABLE identity (
    id         INTEGER PRIMARY KEY CHECK (id = 1),
    account    BLOB NOT NULL,
    device     BLOB NOT NULL,
    mailbox    BLOB NOT NULL,
    relay      TEXT NOT NULL,
    name       TEXT NOT NULL,
    created_ms INTEGER NOT NULL,
    secrets    BLOB NOT NULL                        -- sealed
) STRICT;

CREATE TABLE prekey (
    id           INTEGER PRIMARY KEY,
    kind         INTEGER NOT NULL,
    key_id       INTEGER NOT NULL,
    private      BLOB NOT NULL,                     -- sealed
    item         BLOB,                              -- what the relay gets; kept until it has it
    created_ms   INTEGER NOT NULL,
    published_ms INTEGER,
    replaced_ms  INTEGER,                           -- when its successor was published
    UNIQUE (kind, key_id)
) STRICT;

CREATE TABLE contact (
    id               INTEGER PRIMARY KEY,
    account          BLOB NOT NULL UNIQUE,
    state            INTEGER NOT NULL,
    blocked_from     INTEGER,                       -- the state before, of one that is blocked
    name             TEXT NOT NULL,
    manifest_key     BLOB NOT NULL,                 -- public key of the manifest's record
    manifest_relay   TEXT NOT NULL,
    claimed_key      BLOB,                          -- another place that a link names, unproven: the record's key ...
    claimed_relay    TEXT,                          -- ... and its relay
    pin              BLOB,                          -- what is pinned of the manifest
    manifest         BLOB,                          -- the pinned manifest, signed
    manifest_issued_ms INTEGER,
    silent_due_ms    INTEGER,                       -- when to fetch it again unless a receipt comes
    newer_due_ms     INTEGER,                       -- when to fetch it again since a message named a newer one
    secrets          BLOB,                          -- sealed: delivery secret, profile key
    acceptance_owed  INTEGER NOT NULL DEFAULT 0,
    delivery_due_ms  INTEGER,                       -- when to tell it our delivery secret; absent: it was told
    created_ms       INTEGER NOT NULL,
    changed_ms       INTEGER NOT NULL,
    CHECK ((claimed_key IS NULL) = (claimed_relay IS NULL))
) STRICT;

CREATE TABLE peer_device (
    id                INTEGER PRIMARY KEY,
    contact           INTEGER NOT NULL REFERENCES contact (id) ON DELETE CASCADE,
    device            BLOB NOT NULL,
    identity_key      BLOB NOT NULL,
    signing_key       BLOB NOT NULL,
    mailbox           BLOB NOT NULL,                -- a contact may claim somebody else's: not unique
    relay             TEXT NOT NULL,
    state             INTEGER NOT NULL,
    last_heard_ms     INTEGER,
    handshakes        INTEGER NOT NULL DEFAULT 0,
    last_handshake_ms INTEGER,
    next_handshake_ms INTEGER,
    pop_id            BLOB,                         -- of a prekey request that is under way
    UNIQUE (contact, device)
) STRICT;

CREATE TABLE session (
    sid              BLOB PRIMARY KEY,
    peer_device      INTEGER NOT NULL REFERENCES peer_device (id) ON DELETE CASCADE,
    role             INTEGER NOT NULL,
    status           INTEGER NOT NULL,
    created_ms       INTEGER NOT NULL,
    last_sent_ms     INTEGER,
    last_received_ms INTEGER,
    state            BLOB NOT NULL                  -- sealed
) STRICT;
CREATE INDEX session_device ON session (peer_device);

-- Keys, ciphertexts and secrets of a session's post-quantum ratchet: large, and written by few messages.
CREATE TABLE session_pq (
    session  BLOB PRIMARY KEY REFERENCES session (sid) ON DELETE CASCADE,
    material BLOB NOT NULL                          -- sealed
) STRICT;

CREATE TABLE skipped (
    id          INTEGER PRIMARY KEY,
    tag         BLOB NOT NULL UNIQUE,
    session     BLOB NOT NULL REFERENCES session (sid) ON DELETE CASCADE,
    number      INTEGER NOT NULL,                   -- chain and number in it, packed
    created_ms  INTEGER NOT NULL,
    requests    INTEGER NOT NULL DEFAULT 0,         -- how often it was asked for
    ask_ms      INTEGER DEFAULT 0,                  -- when it may be asked for; absent: its sender has it no more
    message_key BLOB NOT NULL                       -- sealed
) STRICT;
CREATE INDEX skipped_session ON skipped (session, id);
CREATE INDEX skipped_age ON skipped (created_ms);

CREATE TABLE accepted_first_message (
    digest           BLOB PRIMARY KEY,
    signed_prekey_id INTEGER NOT NULL,
    kem_prekey_id    INTEGER NOT NULL,
    accepted_ms      INTEGER NOT NULL
) STRICT;

CREATE TABLE conversation (
    id            INTEGER PRIMARY KEY,
    contact       INTEGER UNIQUE REFERENCES contact (id) ON DELETE CASCADE,
    title         TEXT NOT NULL,
    hidden        INTEGER NOT NULL DEFAULT 0,
    created_ms    INTEGER NOT NULL,
    active_ms     INTEGER NOT NULL,                 -- of the last message, else of the creation
    unread        INTEGER NOT NULL DEFAULT 0,
    read_clock    INTEGER NOT NULL DEFAULT 0,       -- hybrid clock up to which it was read
    last_message  BLOB,
    last_clock    INTEGER,
    last_device   BLOB,
    last_seq      INTEGER,
    last_incoming INTEGER,
    preview       TEXT NOT NULL DEFAULT ''
) STRICT;
CREATE INDEX conversation_recent ON conversation (active_ms DESC, id);

CREATE TABLE stream (
    id           INTEGER PRIMARY KEY,
    conversation INTEGER NOT NULL REFERENCES conversation (id) ON DELETE CASCADE,
    device       BLOB NOT NULL,
    next_seq     INTEGER NOT NULL,
    head         BLOB NOT NULL,                     -- truncated hash of the newest message
    UNIQUE (conversation, device)
) STRICT;

CREATE TABLE message (
    id            INTEGER PRIMARY KEY,              -- packed hybrid clock, or the next free number above it
    conversation  INTEGER NOT NULL REFERENCES conversation (id) ON DELETE CASCADE,
    clock         INTEGER NOT NULL,                 -- packed hybrid clock
    message_id    BLOB NOT NULL UNIQUE,
    sender        INTEGER NOT NULL,                 -- contact, 0 is this account
    sender_device BLOB NOT NULL,
    seq           INTEGER NOT NULL,
    kind          INTEGER NOT NULL,
    state         INTEGER NOT NULL,
    failure       INTEGER,                          -- with the state "failed"
    sent_ms       INTEGER NOT NULL,
    stored_ms     INTEGER NOT NULL,
    body          TEXT NOT NULL,
    extra         BLOB                              -- content of a type that this version does not know
) STRICT;
CREATE INDEX message_timeline ON message (conversation, clock, sender_device, seq);

CREATE VIEW message_text AS
    SELECT id, body, char(1) || 'c' || conversation || ' ' || char(1) || 's' || sender AS meta
    FROM message WHERE kind = 1 AND body <> '';
CREATE VIRTUAL TABLE message_fts USING fts5 (
    body, meta, content = 'message_text', content_rowid = 'id', tokenize = 'undertone'
);
INSERT INTO message_fts (message_fts, rank) VALUES ('secure-delete', 1);

CREATE TABLE outbox (
    id           INTEGER PRIMARY KEY AUTOINCREMENT,
    contact      INTEGER NOT NULL REFERENCES contact (id) ON DELETE CASCADE,
    peer_device  INTEGER REFERENCES peer_device (id) ON DELETE CASCADE,  -- absent: devices not known yet
    mailbox      BLOB,                              -- of the device
    envelope_id  BLOB NOT NULL UNIQUE,
    message_id   BLOB NOT NULL,                     -- in the content header
    shown        INTEGER NOT NULL,                  -- whether that is a message of a conversation
    session      BLOB,
    number       INTEGER,                           -- chain and number in it, packed
    body_kind    INTEGER NOT NULL,                  -- envelope, or content that waits for its turn
    body         BLOB NOT NULL,
    hold         INTEGER NOT NULL,
    wake         INTEGER NOT NULL,
    created_ms   INTEGER NOT NULL,
    taken_ms     INTEGER,                           -- when the relay took it; kept in case the relay loses it
    CHECK ((peer_device IS NULL) = (mailbox IS NULL))
) STRICT;
CREATE INDEX outbox_order ON outbox (peer_device, id) WHERE taken_ms IS NULL;
CREATE INDEX outbox_taken ON outbox (peer_device, taken_ms) WHERE taken_ms IS NOT NULL;
CREATE INDEX outbox_device ON outbox (peer_device, id);
CREATE INDEX outbox_message ON outbox (message_id);
CREATE INDEX outbox_age ON outbox (created_ms);

CREATE TABLE retained (
    id           INTEGER PRIMARY KEY,
    session      BLOB NOT NULL,
    number       INTEGER NOT NULL,                  -- chain and number in it, packed
    peer_device  INTEGER NOT NULL REFERENCES peer_device (id) ON DELETE CASCADE,
    message_id   BLOB NOT NULL,
    shown        INTEGER NOT NULL,
    content      BLOB,                              -- absent: a tombstone
    sent_ms      INTEGER NOT NULL,
    delivered_ms INTEGER,
    UNIQUE (session, number)
) STRICT;
CREATE INDEX retained_message ON retained (message_id);
CREATE INDEX retained_device ON retained (peer_device, id) WHERE delivered_ms IS NULL;
CREATE INDEX retained_age ON retained (sent_ms);

CREATE TABLE receipt (
    id          INTEGER PRIMARY KEY,
    peer_device INTEGER NOT NULL REFERENCES peer_device (id) ON DELETE CASCADE,
    message_id  BLOB NOT NULL,
    due_ms      INTEGER,                            -- when it goes by itself; absent: as soon as the contact's budget allows
    UNIQUE (peer_device, message_id)
) STRICT;

CREATE TABLE resend (
    id          INTEGER PRIMARY KEY,
    peer_device INTEGER NOT NULL REFERENCES peer_device (id) ON DELETE CASCADE,
    session     BLOB NOT NULL,
    number      INTEGER NOT NULL,                   -- chain and number in it, packed
    UNIQUE (peer_device, session, number)
) STRICT;

CREATE TABLE budget (
    id      INTEGER PRIMARY KEY,
    contact INTEGER NOT NULL REFERENCES contact (id) ON DELETE CASCADE,
    kind    INTEGER NOT NULL,
    full_ms INTEGER NOT NULL,                       -- when nothing of it is used up any more
    UNIQUE (contact, kind)
) STRICT;

CREATE TABLE gap (
    id           INTEGER PRIMARY KEY,
    kind         INTEGER NOT NULL,                  -- a range of a stream, or one envelope that did not open
    peer_device  INTEGER NOT NULL REFERENCES peer_device (id) ON DELETE CASCADE,
    conversation INTEGER REFERENCES conversation (id) ON DELETE CASCADE,
    session      BLOB,
    first        INTEGER NOT NULL,                  -- of a stream; of an envelope, its packed number
    last         INTEGER NOT NULL,
    state        INTEGER NOT NULL,
    requests     INTEGER NOT NULL DEFAULT 0,
    found_ms     INTEGER NOT NULL,
    due_ms       INTEGER,                           -- when to ask for it if nothing else flows
    envelope     BLOB
) STRICT;
CREATE INDEX gap_device ON gap (peer_device, state);

CREATE TABLE parked (
    id          INTEGER PRIMARY KEY,
    kind        INTEGER NOT NULL,
    envelope_id BLOB NOT NULL UNIQUE,
    envelope    BLOB NOT NULL,
    received_ms INTEGER NOT NULL
) STRICT;

CREATE TABLE invite (
    id         BLOB PRIMARY KEY,
    name       TEXT NOT NULL,
    relay      TEXT NOT NULL,
    token      BLOB NOT NULL,                       -- sealed
    created_ms INTEGER NOT NULL,
    revoked_ms INTEGER,
    uses       INTEGER NOT NULL DEFAULT 0
) STRICT;

CREATE TABLE relay (
    address     TEXT PRIMARY KEY,
    store_epoch BLOB NOT NULL
) STRICT;

CREATE TABLE cursor (
    mailbox     BLOB PRIMARY KEY,
    relay       TEXT NOT NULL,
    seq         INTEGER NOT NULL
) STRICT;
