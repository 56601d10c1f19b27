-- Schema version 4: people's profiles, live lists, kinds that are searched for, and what a whole account needs.

-- Search.

-- Lists and rows.

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

