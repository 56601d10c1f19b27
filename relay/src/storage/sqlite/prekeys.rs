//! Prekeys in SQLite.

use bytes::Bytes;
use rusqlite::{OptionalExtension, Row, params};
use undertone_wire::limits::{IDEMPOTENCE_MS, MAX_ONE_TIME_KEM, MAX_ONE_TIME_X25519};
use undertone_wire::{MailboxId, PopId};

use super::error::storage_error;
use super::{SqliteStorage, count, signed, unsigned};
use crate::storage::Prekeys;
use crate::storage::types::{
    Pop, PopAs, Popped, PrekeyCounts, PrekeyItem, PrekeyReplace, PrekeyReplacement, PrekeysLeft,
    StorageError, Timestamp,
};

/// Which one-time keys, as in the column `kem`.
#[derive(Clone, Copy)]
enum Kind {
    X25519,
    Kem,
}

impl Kind {
    const fn column(self) -> bool {
        matches!(self, Self::Kem)
    }
}

/// A row of `prekey_page`.
struct Page {
    page: Option<Vec<u8>>,
    last_resort: Option<Vec<u8>>,
    strangers: PrekeyCounts,
}

impl SqliteStorage {
    pub(super) fn counts(&self, mailbox: i64) -> Result<PrekeyCounts, StorageError> {
        let mut select =
            self.prepare("SELECT count(*) FROM prekey WHERE mailbox = ?1 AND kem = ?2")?;
        let mut count_of = |kind: Kind| {
            select
                .query_row(params![mailbox, kind.column()], |row| row.get(0))
                .map(count)
                .map_err(storage_error)
        };
        Ok(PrekeyCounts {
            x25519: count_of(Kind::X25519)?,
            kem: count_of(Kind::Kem)?,
        })
    }

    fn replace_items(
        &self,
        mailbox: i64,
        kind: Kind,
        items: &[PrekeyItem],
        append: bool,
    ) -> Result<(), StorageError> {
        if items.is_empty() {
            return Ok(());
        }
        if !append {
            self.run(
                "DELETE FROM prekey WHERE mailbox = ?1 AND kem = ?2",
                params![mailbox, kind.column()],
            )?;
        }
        for item in items {
            self.run(
                "INSERT INTO prekey (mailbox, kem, id, item) VALUES (?1, ?2, ?3, ?4)
                 ON CONFLICT DO NOTHING",
                params![
                    mailbox,
                    kind.column(),
                    item.id.as_slice(),
                    item.item.as_ref()
                ],
            )?;
        }
        Ok(())
    }

    /// How many there would be, without changing anything.
    fn count_after(
        &self,
        mailbox: i64,
        kind: Kind,
        items: &[PrekeyItem],
        append: bool,
    ) -> Result<usize, StorageError> {
        let mut ids: std::collections::BTreeSet<[u8; 4]> =
            items.iter().map(|item| item.id).collect();
        if append || items.is_empty() {
            let mut select =
                self.prepare("SELECT id FROM prekey WHERE mailbox = ?1 AND kem = ?2")?;
            let rows = select
                .query_map(params![mailbox, kind.column()], |row| row.get(0))
                .map_err(storage_error)?;
            for id in rows {
                ids.insert(id.map_err(storage_error)?);
            }
        }
        Ok(ids.len())
    }

    fn page_row(&self, mailbox: i64) -> Result<Option<Page>, StorageError> {
        self.prepare(
            "SELECT page, last_resort, strangers_x25519, strangers_kem
             FROM prekey_page WHERE mailbox = ?1",
        )?
        .query_row([mailbox], |row| {
            Ok(Page {
                page: row.get(0)?,
                last_resort: row.get(1)?,
                strangers: PrekeyCounts {
                    x25519: count(row.get(2)?),
                    kem: count(row.get(3)?),
                },
            })
        })
        .optional()
        .map_err(storage_error)
    }

    fn set_strangers(&self, mailbox: i64, left: PrekeyCounts) -> Result<(), StorageError> {
        self.run(
            "UPDATE prekey_page SET strangers_x25519 = ?2, strangers_kem = ?3 WHERE mailbox = ?1",
            params![mailbox, left.x25519, left.kem],
        )?;
        Ok(())
    }

    /// Takes the oldest one-time key, if there is one and it may be taken.
    fn take_item(
        &self,
        mailbox: i64,
        kind: Kind,
        as_who: PopAs,
        for_strangers: &mut u32,
    ) -> Result<Option<Vec<u8>>, StorageError> {
        if as_who == PopAs::Stranger && *for_strangers == 0 {
            return Ok(None);
        }
        self.write()?;
        let item = self
            .prepare(
                "DELETE FROM prekey WHERE no =
                    (SELECT min(no) FROM prekey WHERE mailbox = ?1 AND kem = ?2)
                 RETURNING item",
            )?
            .query_row(params![mailbox, kind.column()], |row| row.get(0))
            .optional()
            .map_err(storage_error)?;
        if item.is_some() && as_who == PopAs::Stranger {
            *for_strangers -= 1;
        }
        Ok(item)
    }

    fn pop(&self, mailbox: i64, as_who: PopAs) -> Result<Pop, StorageError> {
        let Some(row) = self.page_row(mailbox)? else {
            return Ok(Pop::Nothing);
        };
        let Some(page) = row.page else {
            return Ok(Pop::Nothing);
        };
        let had = row.strangers;
        let mut now = had;
        let kem = self.take_item(mailbox, Kind::Kem, as_who, &mut now.kem)?;
        let last_resort = kem.is_none();
        let Some(kem) = kem.or(row.last_resort) else {
            return Ok(Pop::Nothing);
        };
        let x25519 = self.take_item(mailbox, Kind::X25519, as_who, &mut now.x25519)?;
        if now != had {
            self.set_strangers(mailbox, now)?;
        }
        let popped = Popped {
            page: page.into(),
            x25519: x25519.map(Bytes::from).unwrap_or_default(),
            kem: kem.into(),
            last_resort,
        };
        let left = PrekeysLeft {
            counts: self.counts(mailbox)?,
            strangers_exhausted: had != now && (now.x25519 == 0 || now.kem == 0),
        };
        Ok(Pop::Taken(popped, left))
    }

    /// The answer that this pop id got, unless that is long ago.
    fn earlier_pop(
        &self,
        mailbox: i64,
        pop: PopId,
        now: Timestamp,
    ) -> Result<Option<Popped>, StorageError> {
        let found = self
            .prepare(
                "SELECT minute, page, x25519, kem, last_resort FROM pop
                 WHERE mailbox = ?1 AND id = ?2",
            )?
            .query_row(params![mailbox, pop.as_bytes().as_slice()], |row| {
                Ok((row.get::<_, i64>(0)?, read_popped(row)?))
            })
            .optional()
            .map_err(storage_error)?;
        Ok(found
            .filter(|(minute, _)| now.minutes() <= unsigned(*minute) + IDEMPOTENCE_MS / 60_000)
            .map(|(_, popped)| popped))
    }

    fn remember_pop(
        &self,
        mailbox: i64,
        pop: PopId,
        popped: &Popped,
        now: Timestamp,
    ) -> Result<(), StorageError> {
        self.run(
            "INSERT OR REPLACE INTO pop (mailbox, id, minute, page, x25519, kem, last_resort)
             VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7)",
            params![
                mailbox,
                pop.as_bytes().as_slice(),
                signed(now.minutes()),
                popped.page.as_ref(),
                popped.x25519.as_ref(),
                popped.kem.as_ref(),
                popped.last_resort,
            ],
        )?;
        Ok(())
    }
}

impl Prekeys for SqliteStorage {
    fn replace_prekeys(
        &mut self,
        id: MailboxId,
        with: &PrekeyReplacement,
    ) -> Result<PrekeyReplace, StorageError> {
        let Some(no) = self.number(id)? else {
            return Ok(PrekeyReplace::NoMailbox);
        };
        if self.count_after(no, Kind::X25519, &with.x25519, with.append)? > MAX_ONE_TIME_X25519
            || self.count_after(no, Kind::Kem, &with.kem, with.append)? > MAX_ONE_TIME_KEM
        {
            return Ok(PrekeyReplace::TooMany);
        }
        let before = self.counts(no)?;
        self.run(
            "INSERT INTO prekey_page (mailbox, page, last_resort) VALUES (?1, ?2, ?3)
             ON CONFLICT (mailbox) DO UPDATE SET
                page = coalesce(excluded.page, page),
                last_resort = coalesce(excluded.last_resort, last_resort)",
            params![no, with.page.as_deref(), with.last_resort.as_deref()],
        )?;
        self.replace_items(no, Kind::X25519, &with.x25519, with.append)?;
        self.replace_items(no, Kind::Kem, &with.kem, with.append)?;
        let counts = self.counts(no)?;
        self.counters
            .change()
            .recount_prekeys(before.x25519 + before.kem, counts.x25519 + counts.kem);
        if let Some(row) = self.page_row(no)? {
            let mut strangers = row.strangers;
            if !with.x25519.is_empty() {
                strangers.x25519 = counts.x25519 / 4;
            }
            if !with.kem.is_empty() {
                strangers.kem = counts.kem / 4;
            }
            self.set_strangers(no, strangers)?;
        }
        Ok(PrekeyReplace::Replaced(counts))
    }

    fn pop_prekeys(
        &mut self,
        id: MailboxId,
        pop: PopId,
        as_who: PopAs,
        now: Timestamp,
    ) -> Result<Pop, StorageError> {
        let Some(no) = self.number(id)? else {
            return Ok(Pop::NoMailbox);
        };
        if let Some(popped) = self.earlier_pop(no, pop, now)? {
            return Ok(Pop::Repeated(popped));
        }
        let taken = self.pop(no, as_who)?;
        if let Pop::Taken(popped, _) = &taken {
            self.remember_pop(no, pop, popped, now)?;
            let used = u32::from(!popped.x25519.is_empty()) + u32::from(!popped.last_resort);
            self.counters.change().recount_prekeys(used, 0);
        }
        Ok(taken)
    }

    fn prekey_counts(&mut self, id: MailboxId) -> Result<PrekeyCounts, StorageError> {
        match self.number(id)? {
            Some(no) => self.counts(no),
            None => Ok(PrekeyCounts::default()),
        }
    }
}

fn read_popped(row: &Row<'_>) -> rusqlite::Result<Popped> {
    let bytes = |column: usize| row.get::<_, Vec<u8>>(column).map(Bytes::from);
    Ok(Popped {
        page: bytes(1)?,
        x25519: bytes(2)?,
        kem: bytes(3)?,
        last_resort: row.get(4)?,
    })
}
