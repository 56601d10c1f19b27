-- Schema version 3: what people do with messages beyond writing them.

-- What a post has beside its text (SPEC.md, 20.3), as it travels; absent: nothing.
ALTER TABLE message ADD COLUMN parts BLOB;
-- Clock of the edit that made the text what it is; absent: it was never edited.
ALTER TABLE message ADD COLUMN edited_clock INTEGER;

-- What a message said before it was edited.
CREATE TABLE revision (
    id      INTEGER PRIMARY KEY,
    message INTEGER NOT NULL REFERENCES message (id) ON DELETE CASCADE,
    clock   INTEGER NOT NULL,                       -- of the message, or of the edit that said it
    body    TEXT NOT NULL,
    parts   BLOB,
    UNIQUE (message, clock)
) STRICT;

-- What each person thinks of a message, as last said. A row without emoji remembers that all were taken back.
CREATE TABLE reaction (
    id      INTEGER PRIMARY KEY,
    message INTEGER NOT NULL REFERENCES message (id) ON DELETE CASCADE,
    sender  INTEGER NOT NULL,                       -- contact, 0 is this account
    clock   INTEGER NOT NULL,                       -- of the content that says so
    emoji   TEXT NOT NULL,                          -- separated by U+001F
    UNIQUE (message, sender)
) STRICT;

-- Changes of messages that are not here yet.
CREATE TABLE early_change (
    id          INTEGER PRIMARY KEY,
    contact     INTEGER NOT NULL REFERENCES contact (id) ON DELETE CASCADE,
    target      BLOB NOT NULL,                      -- message id
    content     BLOB NOT NULL,                      -- header and body, encoded
    received_ms INTEGER NOT NULL
) STRICT;
CREATE INDEX early_change_target ON early_change (target, contact);
CREATE INDEX early_change_contact ON early_change (contact, id);

-- Whether a receipt says that a message was read, and not only that it arrived.
ALTER TABLE receipt ADD COLUMN read INTEGER NOT NULL DEFAULT 0;
