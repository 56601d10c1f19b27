//! History as plain files, and reports.

use std::path::Path;

use tokio::sync::oneshot;

use super::Client;
use super::call;
use super::driver::Job;
use crate::engine::View;
use crate::error::ReportError;
use crate::export::limits::{EXPORT_BATCH, REPORTED_MESSAGES};
use crate::export::{
    Conversation, Export, ExportError, ExportSummary, Exporter, Import, ImportError, ImportSummary,
    Report, ReportTarget,
};
use crate::operation::Operation;
use crate::store::{ContactId, ContactRow, StoreError};

impl Client {
    /// Writes everything that was said to plain files in `folder`, where nothing or an empty folder is: conversations with their
    /// contacts, edits, reactions and settings, and what apps sent as files. No key is in them, and no message that disappears.
    /// `src/export/README.md` of this crate is the format. **Whoever has the folder reads it**; it has its name only when it is
    /// whole and durable. Its progress counts messages.
    ///
    /// Other calls go on meanwhile. What changes meanwhile may be in it or not; two exports of the same are the same bytes.
    ///
    /// # Errors
    /// [`ExportError`] says who must act; nothing is at that place then. Cancelled, it leaves nothing; a process that is killed
    /// leaves `folder` with `.partial` behind its name, which the next export to that place removes.
    pub async fn export(
        &self,
        folder: &Path,
        operation: Operation,
    ) -> Result<ExportSummary, ExportError> {
        let guard = operation.guard();
        let (reply, answer) = oneshot::channel();
        let (client, folder) = (self.clone(), folder.to_owned());
        std::thread::Builder::new()
            .name("undertone-export".to_owned())
            .spawn(move || {
                let _ = reply.send(client.write_export(&folder, operation));
            })?;
        let exported = answer.await.unwrap_or(Err(StoreError::Closed.into()));
        guard.done();
        exported
    }

    /// Reads an [export](Self::export) into an account that knows nobody: all of it, or nothing. What was said can be read and found
    /// again. People come back without keys: they are shown as written to and not accepted, are asked like by any stranger when the
    /// user writes to them, or when their invite link is added, and their conversation goes on where it was. Nothing is sent
    /// because of an import. Other calls wait until it is done. Its progress counts messages.
    ///
    /// # Errors
    /// [`ImportError`] names file and line, and says who must act; nothing was changed.
    pub async fn import(
        &self,
        folder: &Path,
        operation: Operation,
    ) -> Result<ImportSummary, ImportError> {
        let guard = operation.guard();
        let import = Import::new(folder.to_owned(), operation);
        let imported = self.write(move |step| import.run(step)).await;
        if imported.is_ok() {
            // The log that it filled is emptied.
            self.erase().await;
        }
        guard.done();
        imported
    }

    /// Makes a report about a contact or a message, for the app to send wherever it likes: nothing is sent by this call, and the
    /// other side learns nothing. With `block` the contact is blocked as well.
    ///
    /// # Errors
    /// [`ReportError`] says who must act; nothing was changed.
    pub async fn report(&self, target: ReportTarget, block: bool) -> Result<Report, ReportError> {
        self.write(move |step| {
            let reported = match target {
                ReportTarget::Contact(contact) => step.reported_contact(contact, REPORTED_MESSAGES),
                ReportTarget::Message(message) => step.reported_message(&message),
            }?;
            if block {
                step.block_reported(reported.contact.id)?;
            }
            Ok(Report::from(reported))
        })
        .await
    }

    fn write_export(
        &self,
        folder: &Path,
        operation: Operation,
    ) -> Result<ExportSummary, ExportError> {
        let (who, mut contacts, total) = self.read_blocking(|view| {
            let (read_receipts, typing_indicators) = view.told()?;
            let who = Exporter {
                account: view.account(),
                name: view.name().to_owned(),
                read_receipts,
                typing_indicators,
            };
            Ok((who, view.contacts()?, view.message_count()?))
        })?;
        contacts.sort_by_cached_key(|contact| contact.account.to_text());
        let mut export = Export::begin(folder, total, operation)?;
        for contact in contacts {
            // One that was declined meanwhile has none.
            let Some(conversation) = self.whole_conversation(contact)? else {
                continue;
            };
            let id = conversation.conversation.row.id;
            let mut after = None;
            export.conversation(&conversation, || {
                let page = self
                    .read_blocking(move |view| view.exported_messages(id, after, EXPORT_BATCH))?;
                after = page.last().map(|last| last.cursor());
                Ok(page)
            })?;
        }
        export.finish(who)
    }

    fn whole_conversation(&self, contact: ContactRow) -> Result<Option<Conversation>, StoreError> {
        let id: ContactId = contact.id;
        let conversation = self.read_blocking(move |view| view.exported_conversation(id))?;
        Ok(conversation.map(|conversation| Conversation {
            contact,
            conversation,
        }))
    }

    /// Reads from a thread that may wait.
    fn read_blocking<T, C>(&self, command: C) -> Result<T, StoreError>
    where
        T: Send + 'static,
        C: FnOnce(&mut View<'_>) -> Result<T, StoreError> + Send + 'static,
    {
        let (call, answer) = call::read(command);
        let sent = self.jobs.blocking_send(Job::Read(call));
        sent.map_err(|_| StoreError::Closed)?;
        answer.blocking_recv().unwrap_or(Err(StoreError::Closed))
    }
}
