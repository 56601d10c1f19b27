-- Schema version 2: how sessions end, and what a device still owes to one that writes and gets no answer.

-- Since when a session only receives; absent: it sends. Of those that there are it is not known: they
-- count from their last use.
ALTER TABLE session ADD COLUMN archived_ms INTEGER;
-- Which of them may send again is not known either: none.
UPDATE session SET status = 3, archived_ms = max(created_ms, coalesce(last_sent_ms, 0), coalesce(last_received_ms, 0))
    WHERE status = 2;

-- Handshakes begun since the device last answered in the session that is used for sending.
ALTER TABLE peer_device ADD COLUMN unanswered INTEGER NOT NULL DEFAULT 0;
UPDATE peer_device SET unanswered = handshakes WHERE coalesce(last_heard_ms, 0) < coalesce(last_handshake_ms, 0);
-- A session is not given up for another one before.
ALTER TABLE peer_device ADD COLUMN fresh_after_ms INTEGER;
-- When a message that says nothing completes the ratchet step that is owed.
ALTER TABLE peer_device ADD COLUMN quiet_ms INTEGER;

-- Never read.
ALTER TABLE invite DROP COLUMN uses;
