-- Schema version 4: people's profiles, live lists, kinds that are searched for, and what a whole account needs.

-- Search.

-- What a message has that is searched for without words: 1 a link, 2 media, 4 a file. Of those that there are it is found
-- out when the index is built again.
ALTER TABLE message ADD COLUMN kinds INTEGER NOT NULL DEFAULT 0;
DROP VIEW message_text;
CREATE VIEW message_text AS
    SELECT id, body, char(1) || 'c' || conversation || ' ' || char(1) || 's' || sender
        || iif(kinds & 1, ' ' || char(1) || 'l ' || char(1) || 'l' || conversation, '')
        || iif(kinds & 2, ' ' || char(1) || 'm ' || char(1) || 'm' || conversation, '')
        || iif(kinds & 4, ' ' || char(1) || 'f ' || char(1) || 'f' || conversation, '') AS meta
    FROM message WHERE kind = 1;

-- What somebody reacted to, once more: a reaction is written into a small index, and rewrites nothing of the large one.
CREATE VIEW reacted_text AS
    SELECT id, body, meta || ' ' || char(1) || 'r' AS meta FROM message_text
    WHERE EXISTS (SELECT 1 FROM reaction WHERE message = message_text.id AND emoji <> '');
CREATE VIRTUAL TABLE reacted_fts USING fts5 (
    body, meta, content = 'reacted_text', content_rowid = 'id', tokenize = 'undertone'
);
INSERT INTO reacted_fts (reacted_fts, rank) VALUES ('secure-delete', 1);

-- A leaf of an index fits a page, of which SQLCipher keeps 80 bytes: FTS5's own size, 4,050, would need a second one for each.
INSERT INTO message_fts (message_fts, rank) VALUES ('pgsz', 3970);
INSERT INTO reacted_fts (reacted_fts, rank) VALUES ('pgsz', 3970);

-- Lists and rows.

-- Whether a message names this account or answers it. Of the messages that there are it is not known: they do not count.
ALTER TABLE message ADD COLUMN mentions_me INTEGER NOT NULL DEFAULT 0;
ALTER TABLE conversation ADD COLUMN mentions INTEGER NOT NULL DEFAULT 0;
-- What is kept for a version that can read it.
CREATE INDEX message_unsupported ON message (id) WHERE kind = 2;
-- Where a gap is in its timeline, which is the clock of what came behind it, and whether it is shown there. What came behind
-- the gaps that there are is not known: they are where they were noticed.
ALTER TABLE gap ADD COLUMN clock INTEGER NOT NULL DEFAULT 0;
ALTER TABLE gap ADD COLUMN shown INTEGER NOT NULL DEFAULT 0;
UPDATE gap SET clock = min(found_ms, 70368744177663) * 65536, shown = 1;
CREATE INDEX gap_timeline ON gap (conversation, clock) WHERE shown = 1;

-- Profiles and presence.

-- Whether the user gave the name, so that what the contact calls itself does not replace it. Of the names that are there it is
-- not known: they stay.
ALTER TABLE contact ADD COLUMN named INTEGER NOT NULL DEFAULT 0;
UPDATE contact SET named = 1 WHERE name <> '';

-- Where contacts' profiles are, as they told, and what was found there.
CREATE TABLE profile (
    contact      INTEGER PRIMARY KEY REFERENCES contact (id) ON DELETE CASCADE,
    record_key   BLOB NOT NULL,                     -- public key of the record
    told         BLOB NOT NULL,                     -- digest of what is said to be there
    told_order   BLOB NOT NULL,                     -- when that was said: manifest version and clock
    shows_seen   INTEGER NOT NULL,                  -- whether we may be shown when the contact was there last
    due_ms       INTEGER,                           -- when to fetch it; absent: it is here, or is given up
    tries        INTEGER NOT NULL DEFAULT 0,        -- fetches since it was told
    held         BLOB,                              -- digest of what is here; absent: nothing
    name         TEXT NOT NULL DEFAULT '',
    about        TEXT NOT NULL DEFAULT '',
    last_seen_ms INTEGER,
    avatar       BLOB
) STRICT;
CREATE INDEX profile_due ON profile (due_ms) WHERE due_ms IS NOT NULL;

-- Export, keys, accounts.

