//! What the keeper of blobs does by itself: removing what has expired, and files that nobody knows.

use undertone_wire::BlobId;

use super::{blob_files, blobs::Blobs, blocking::blocking, limits};

impl Blobs {
    /// Removes all blobs whose time is over, a bounded number of them with each commit.
    pub(crate) async fn sweep(&self) {
        loop {
            let expired = self
                .committer
                .index(|storage, now| {
                    let ids = storage.expired_blobs(now, limits::BLOB_SWEEP)?;
                    for &id in &ids {
                        storage.delete_blob(id)?;
                    }
                    Ok(ids)
                })
                .await
                .unwrap_or_default();
            let removed = expired.len();
            self.remove_files(expired).await;
            if removed < limits::BLOB_SWEEP {
                return;
            }
        }
    }

    /// Removes the files that the index does not know: a crash came between the two.
    pub(crate) async fn remove_orphans(&self) {
        let blobs = self.folder.clone();
        for folder in blocking(move || blob_files::folders(&blobs))
            .await
            .unwrap_or_default()
        {
            let ids = blocking(move || blob_files::ids_in(&folder))
                .await
                .unwrap_or_default();
            let orphans = self
                .committer
                .index(move |storage, _| {
                    let mut orphans = Vec::new();
                    for id in ids {
                        if storage.blob(id)?.is_none() {
                            orphans.push(id);
                        }
                    }
                    Ok(orphans)
                })
                .await;
            self.remove_files(orphans.unwrap_or_default()).await;
        }
    }

    /// Removes the files of blobs that the index has forgotten.
    pub(super) async fn remove_files(&self, ids: Vec<BlobId>) {
        let folder = self.folder.clone();
        let kept = blocking(move || {
            let removals = ids.into_iter().map(|id| blob_files::remove(&folder, id));
            Ok(removals.filter(Result::is_err).count())
        })
        .await;
        if let Ok(files @ 1..) = kept
            && self.failures.opens()
        {
            tracing::warn!(
                files,
                "files of blobs could not be removed; the next start tries again"
            );
        }
    }
}

#[cfg(test)]
#[path = "blob_upkeep_tests.rs"]
mod tests;
