//! Layers, refusals, and the shape of the messages.

use std::io::Write;

use super::*;

fn file(text: &str) -> tempfile::NamedTempFile {
    let mut file = tempfile::NamedTempFile::new().unwrap();
    file.write_all(text.as_bytes()).unwrap();
    file
}

fn flags(data: &str) -> Flags {
    Flags {
        data: Some(data.into()),
        ..Flags::default()
    }
}

#[test]
fn flags_win_over_the_file_and_the_file_over_defaults() {
    let toml =
        file("data = \"from-file\"\nlisten = \"127.0.0.1:1\"\nadmin = \"off\"\nblob_max_mib = 7\n");
    let config = Config::load(Some(toml.path()), &flags("from-flag")).unwrap();
    assert_eq!(config.data, PathBuf::from("from-flag"));
    assert_eq!(config.listen.port(), 1);
    assert_eq!(config.admin, None);
    assert_eq!(config.blob_max_mib, 7);
    assert_eq!(config.max_connections, Config::new("x").max_connections);
}

#[test]
fn an_unknown_key_is_refused_by_name_on_one_line() {
    let toml = file("data = \"d\"\nlissten = \"127.0.0.1:1\"\n");
    let message = Config::load(Some(toml.path()), &Flags::default())
        .unwrap_err()
        .to_string();
    assert!(message.contains("lissten"), "{message}");
    assert_eq!(message.lines().count(), 1);
}

#[test]
fn a_value_of_the_wrong_kind_is_refused_by_name() {
    let toml = file("data = \"d\"\nmax_connections = \"many\"\n");
    let message = Config::load(Some(toml.path()), &Flags::default())
        .unwrap_err()
        .to_string();
    assert!(message.contains("max_connections"), "{message}");
}

#[test]
fn a_missing_file_and_a_missing_directory_are_told_apart() {
    let missing = Config::load(Some(Path::new("/nonexistent/relay.toml")), &flags("d"));
    assert!(matches!(missing, Err(ConfigError::Unreadable { .. })));
    let nowhere = Config::load(None, &Flags::default());
    assert!(matches!(nowhere, Err(ConfigError::NoDataDirectory)));
}

#[test]
fn the_admin_address_can_be_turned_off_by_a_flag() {
    let off = Flags {
        admin: Some("off".into()),
        ..flags("d")
    };
    assert_eq!(Config::load(None, &off).unwrap().admin, None);
    let wrong = Flags {
        admin: Some("here".into()),
        ..flags("d")
    };
    assert!(matches!(
        Config::load(None, &wrong),
        Err(ConfigError::Invalid(_))
    ));
}

#[test]
fn a_mailbox_holds_what_the_specification_says_unless_the_operator_says_otherwise() {
    let config = Config::new("d");
    assert_eq!(config.mailbox_quota_messages, 10_000);
    assert_eq!(config.mailbox_quota_mib, 64);
    let toml = file("data = \"d\"\nmailbox_quota_messages = 7\nmailbox_quota_mib = 2\n");
    let config = Config::load(Some(toml.path()), &Flags::default()).unwrap();
    assert_eq!(config.mailbox_quota_messages, 7);
    assert_eq!(config.mailbox_quota_mib, 2);
}
