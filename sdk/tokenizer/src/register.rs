//! The tokenizer as SQLite calls it.
//!
//! In a document SQLite gets the terms of [`segment`]. In a query it gets each string back as one term: queries are segmented
//! before they are written.

#![allow(unsafe_code)]

use std::ffi::{CStr, c_char, c_int, c_void};
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::ptr;

use rusqlite::{Connection, ffi};

use crate::segment::{Mode, segment};

/// The tokenizer's name in `CREATE VIRTUAL TABLE … tokenize = '…'`.
pub const NAME: &str = "undertone";
const C_NAME: &CStr = c"undertone";

type TokenCallback =
    Option<unsafe extern "C" fn(*mut c_void, c_int, *const c_char, c_int, c_int, c_int) -> c_int>;

/// Makes the tokenizer known to a connection. To be called on each connection, before the first use of a table that names it.
///
/// # Errors
/// When the connection's SQLite has no FTS5.
pub fn register(connection: &Connection) -> rusqlite::Result<()> {
    let mut api: *mut ffi::fts5_api = ptr::null_mut();
    let code = {
        // SAFETY: the handle is valid while `connection` is borrowed, and is not kept.
        let db = unsafe { connection.handle() };
        // SAFETY: `db` is an open connection; `api` outlives the statement, which is finalised inside.
        unsafe { find_api(db, &raw mut api) }
    };
    if code != ffi::SQLITE_OK || api.is_null() {
        return Err(failure(if code == ffi::SQLITE_OK {
            ffi::SQLITE_ERROR
        } else {
            code
        }));
    }
    let mut tokenizer = ffi::fts5_tokenizer {
        xCreate: Some(create),
        xDelete: Some(delete),
        xTokenize: Some(tokenize),
    };
    // SAFETY: FTS5 gave the pointer, and it lives as long as the connection.
    let Some(create_tokenizer) = (unsafe { (*api).xCreateTokenizer }) else {
        return Err(failure(ffi::SQLITE_ERROR));
    };
    // SAFETY: the name is NUL-terminated, FTS5 copies it and the struct of function pointers during the call; there is no
    // user data, and nothing to destroy.
    let code = unsafe {
        create_tokenizer(
            api,
            C_NAME.as_ptr(),
            ptr::null_mut(),
            &raw mut tokenizer,
            None,
        )
    };
    if code == ffi::SQLITE_OK {
        Ok(())
    } else {
        Err(failure(code))
    }
}

fn failure(code: c_int) -> rusqlite::Error {
    rusqlite::Error::SqliteFailure(ffi::Error::new(code), None)
}

/// Asks FTS5 for its interface, as its documentation says: `SELECT fts5(?1)` with a pointer to where it goes.
///
/// # Safety
/// `db` is an open connection of this thread, `api` is valid for a write.
unsafe fn find_api(db: *mut ffi::sqlite3, api: *mut *mut ffi::fts5_api) -> c_int {
    let mut statement = ptr::null_mut();
    // SAFETY: `db` is open, the text is NUL-terminated, `statement` is valid for a write.
    let code = unsafe {
        ffi::sqlite3_prepare_v2(
            db,
            c"SELECT fts5(?1)".as_ptr(),
            -1,
            &raw mut statement,
            ptr::null_mut(),
        )
    };
    if code != ffi::SQLITE_OK {
        return code;
    }
    // SAFETY: `statement` was prepared; the pointer type is the static string that FTS5 compares with; `api` stays valid
    // until the statement is finalised below, and is not freed by SQLite.
    unsafe {
        ffi::sqlite3_bind_pointer(statement, 1, api.cast(), c"fts5_api_ptr".as_ptr(), None);
        ffi::sqlite3_step(statement);
        ffi::sqlite3_finalize(statement)
    }
}

/// FTS5's xCreate: there is no state, so the handle is any pointer that is not null.
///
/// # Safety
/// Called by FTS5 with a valid `out`.
unsafe extern "C" fn create(
    _context: *mut c_void,
    _arguments: *mut *const c_char,
    _count: c_int,
    out: *mut *mut ffi::Fts5Tokenizer,
) -> c_int {
    // SAFETY: FTS5 passes a pointer that is valid for this write. The handle is never dereferenced.
    unsafe { *out = ptr::NonNull::dangling().as_ptr() };
    ffi::SQLITE_OK
}

/// FTS5's xDelete: nothing was made.
///
/// # Safety
/// Called by FTS5.
unsafe extern "C" fn delete(_tokenizer: *mut ffi::Fts5Tokenizer) {}

/// FTS5's xTokenize.
///
/// # Safety
/// Called by FTS5 with `length` readable bytes at `text`, and a callback that takes `context`.
unsafe extern "C" fn tokenize(
    _tokenizer: *mut ffi::Fts5Tokenizer,
    context: *mut c_void,
    flags: c_int,
    text: *const c_char,
    length: c_int,
    callback: TokenCallback,
) -> c_int {
    let (Some(callback), Ok(length)) = (callback, usize::try_from(length)) else {
        return ffi::SQLITE_ERROR;
    };
    if text.is_null() || length == 0 {
        return ffi::SQLITE_OK;
    }
    // SAFETY: FTS5 passes `length` readable bytes that do not change during the call.
    let bytes = unsafe { std::slice::from_raw_parts(text.cast::<u8>(), length) };
    let emit = |flags: c_int, term: &str, start: usize, end: usize| -> c_int {
        let (Ok(len), Ok(start), Ok(end)) = (
            c_int::try_from(term.len()),
            c_int::try_from(start),
            c_int::try_from(end),
        ) else {
            return ffi::SQLITE_TOOBIG;
        };
        // SAFETY: `term` is readable for the call, FTS5 copies it; `context` is what FTS5 passed with this callback.
        unsafe { callback(context, flags, term.as_ptr().cast(), len, start, end) }
    };
    // A panic must not reach C.
    catch_unwind(AssertUnwindSafe(|| {
        terms(
            valid_text(bytes),
            flags & ffi::FTS5_TOKENIZE_QUERY != 0,
            emit,
        )
    }))
    .unwrap_or(ffi::SQLITE_ERROR)
}

/// The text up to the first byte that is not UTF-8: SQLite does not promise that stored text is.
fn valid_text(bytes: &[u8]) -> &str {
    match std::str::from_utf8(bytes) {
        Ok(text) => text,
        Err(error) => bytes
            .get(..error.valid_up_to())
            .and_then(|head| std::str::from_utf8(head).ok())
            .unwrap_or(""),
    }
}

/// Emits the terms of a text until the callback refuses.
fn terms(
    text: &str,
    query: bool,
    mut emit: impl FnMut(c_int, &str, usize, usize) -> c_int,
) -> c_int {
    if query {
        return emit(0, text, 0, text.len());
    }
    let mut position = None;
    for token in segment(text, Mode::Document) {
        let flags = if position == Some(token.position) {
            ffi::FTS5_TOKEN_COLOCATED
        } else {
            0
        };
        position = Some(token.position);
        let code = emit(flags, &token.text, token.range.start, token.range.end);
        if code != ffi::SQLITE_OK {
            return code;
        }
    }
    ffi::SQLITE_OK
}

#[cfg(test)]
#[path = "register_tests.rs"]
mod tests;
