-- Schema version 4: people's profiles, live lists, kinds that are searched for, and what a whole account needs.

-- Search.

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

-- Export, keys, accounts.

