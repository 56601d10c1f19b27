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

-- Profiles and presence.

-- Export, keys, accounts.

