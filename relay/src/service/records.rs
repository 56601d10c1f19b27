//! Records: reading by id, writing and deleting under a signature.

use undertone_wire::frame::Body;
use undertone_wire::limits::MAX_RECORD_BYTES;
use undertone_wire::signed::{DeleteRecordBody, PutRecordBody, SignedBody};
use undertone_wire::{DeleteRecord, Done, ErrorCode, GetRecord, PutRecord, Record, RecordId};

use super::ConnectionId;
use super::batch::{Batch, Mode};
use super::rates::SourceRate;
use super::refusal::{Refusal, Stop};
use crate::storage::RecordPut;

impl Batch<'_> {
    pub(super) fn get_record(&mut self, request: &GetRecord) -> Result<Body, Stop> {
        let id = RecordId::try_from(&request.id).map_err(|_| ErrorCode::Malformed)?;
        let state = self.storage.record(id)?;
        let value = state.value.ok_or(ErrorCode::NotFound)?;
        Ok(Body::Record(Record {
            version: state.version,
            value,
        }))
    }

    pub(super) fn put_record(
        &mut self,
        conn: ConnectionId,
        request: &PutRecord,
    ) -> Result<Body, Stop> {
        if request.value.len() > MAX_RECORD_BYTES {
            return Err(ErrorCode::TooLarge.into());
        }
        if request.value.is_empty() {
            return Err(ErrorCode::Malformed.into());
        }
        let write_key = parse_key(&request.write_key)?;
        let signed = PutRecordBody {
            write_key,
            expected_version: request.expected_version,
            value: &request.value,
        };
        signed
            .verify(&request.signature)
            .map_err(|_| ErrorCode::BadSignature)?;
        self.growing()?;
        let id = RecordId::of_write_key(write_key);
        if request.expected_version == 0
            && self.mode == Mode::Normal
            && let Some(source) = self.session(conn).map(|session| session.info.source)
        {
            let rates = &mut self.service.rates;
            rates.take_source(SourceRate::NewRecords, &source, 1, self.now)?;
        }
        let value = Some(&request.value);
        match self
            .storage
            .put_record(id, request.expected_version, value, self.now)?
        {
            RecordPut::Stored(version) => Ok(Body::Record(Record {
                version,
                value: request.value.clone(),
            })),
            RecordPut::Conflict(current) => Err(Refusal::conflict(current).into()),
        }
    }

    pub(super) fn delete_record(&mut self, request: &DeleteRecord) -> Result<Body, Stop> {
        let write_key = parse_key(&request.write_key)?;
        let signed = DeleteRecordBody {
            write_key,
            expected_version: request.expected_version,
        };
        signed
            .verify(&request.signature)
            .map_err(|_| ErrorCode::BadSignature)?;
        let id = RecordId::of_write_key(write_key);
        match self
            .storage
            .put_record(id, request.expected_version, None, self.now)?
        {
            RecordPut::Stored(_) => Ok(Body::Done(Done {})),
            RecordPut::Conflict(current) if current.version == 0 => Err(ErrorCode::NotFound.into()),
            RecordPut::Conflict(current) => Err(Refusal::conflict(current).into()),
        }
    }
}

fn parse_key(key: &[u8]) -> Result<&[u8; 32], Stop> {
    key.try_into().map_err(|_| ErrorCode::Malformed.into())
}
