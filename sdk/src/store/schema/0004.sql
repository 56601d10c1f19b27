-- Schema version 4: people's profiles, live lists, kinds that are searched for, and what a whole account needs.

-- Search.

-- Lists and rows.

-- Profiles and presence.

-- Export, keys, accounts.

