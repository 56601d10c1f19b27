-- Schema version 3: what people do with messages beyond writing them.

-- What a post has beside its text (SPEC.md, 20.3), as it travels; absent: nothing.
ALTER TABLE message ADD COLUMN parts BLOB;
-- Clock of the edit that made the text what it is; absent: it was never edited.
ALTER TABLE message ADD COLUMN edited_clock INTEGER;
-- How long after it was read it disappears, in seconds; absent: it stays. And when, once it was
-- read or is the own one; 0 when no time was trusted then.
ALTER TABLE message ADD COLUMN timer_s INTEGER;
ALTER TABLE message ADD COLUMN expires_ms INTEGER;
CREATE INDEX message_expiry ON message (expires_ms) WHERE expires_ms IS NOT NULL;
CREATE INDEX message_unread_timer ON message (conversation, clock) WHERE timer_s IS NOT NULL AND expires_ms IS NULL;

-- How the user wants to see a conversation in the list.
ALTER TABLE conversation ADD COLUMN pinned INTEGER NOT NULL DEFAULT 0;
ALTER TABLE conversation ADD COLUMN archived INTEGER NOT NULL DEFAULT 0;
ALTER TABLE conversation ADD COLUMN muted_until_ms INTEGER;
ALTER TABLE conversation ADD COLUMN marked_unread INTEGER NOT NULL DEFAULT 0;
ALTER TABLE conversation ADD COLUMN draft TEXT NOT NULL DEFAULT '';
DROP INDEX conversation_recent;
CREATE INDEX conversation_list ON conversation (hidden, archived, pinned DESC, active_ms DESC, id);

-- The timer of what is written from now on, in seconds, and the clock of the content that set it.
ALTER TABLE conversation ADD COLUMN timer_s INTEGER;
ALTER TABLE conversation ADD COLUMN timer_clock INTEGER NOT NULL DEFAULT 0;

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
