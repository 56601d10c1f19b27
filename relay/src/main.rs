//! The relay as an operator runs it: `serve`, `check-config`, `backup`, `restore`.
//!
//! Every failure is one line on standard error that says who must do what, and exit code 1 (2 for a bad flag).

#![forbid(unsafe_code)]

use std::{
    error::Error,
    io::{self, IsTerminal, Write},
    path::PathBuf,
    process::ExitCode,
};

use clap::{Parser, Subcommand};
use tokio::signal::unix::{SignalKind, signal};
use tracing_subscriber::{EnvFilter, fmt};
use undertone_relay::{
    Config, Relay, backup,
    config::{ENVIRONMENT_FILE, Flags, LogLevel},
    server::raise_open_files,
};

/// The blind relay of Undertone.
#[derive(Parser)]
#[command(name = "undertone-relay", version, about)]
struct Cli {
    /// TOML file with the configuration
    #[arg(long, global = true, value_name = "FILE", env = ENVIRONMENT_FILE)]
    config: Option<PathBuf>,
    #[command(subcommand)]
    command: Command,
}

#[derive(Subcommand)]
enum Command {
    /// Run the relay until it is interrupted
    Serve(Flags),
    /// Check the configuration and say what is in force
    CheckConfig(Flags),
    /// Copy the data of a relay, running or not, into an empty directory
    Backup {
        /// Data directory to copy
        #[arg(long, value_name = "DIR")]
        data: Option<PathBuf>,
        /// Directory to write; must not exist or be empty
        #[arg(long, value_name = "DIR")]
        to: PathBuf,
    },
    /// Make a data directory from a backup, with a new store epoch, so that clients send again what it misses
    Restore {
        /// Directory that `backup` wrote
        #[arg(long, value_name = "DIR")]
        from: PathBuf,
        /// Data directory to make; must not exist or be empty
        #[arg(long, value_name = "DIR")]
        data: Option<PathBuf>,
    },
}

fn main() -> ExitCode {
    match run(Cli::parse()) {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            // Standard error is closed when this fails; the exit code still tells.
            let _ = writeln!(io::stderr(), "undertone-relay: {error}");
            ExitCode::FAILURE
        }
    }
}

fn run(cli: Cli) -> Result<(), Box<dyn Error>> {
    let file = cli.config.as_deref();
    match cli.command {
        Command::Serve(flags) => serve(Config::load(file, &flags)?),
        Command::CheckConfig(flags) => check(&Config::load(file, &flags)?),
        Command::Backup { data, to } => {
            let config = Config::load(
                file,
                &Flags {
                    data,
                    ..Flags::default()
                },
            )?;
            backup::backup(&config.data, &to)?;
            say(&format!(
                "backed up {} to {}",
                config.data.display(),
                to.display()
            ))
        }
        Command::Restore { from, data } => {
            let config = Config::load(
                file,
                &Flags {
                    data,
                    ..Flags::default()
                },
            )?;
            backup::restore(&from, &config.data)?;
            say(&format!(
                "restored {} from {}",
                config.data.display(),
                from.display()
            ))
        }
    }
}

fn check(config: &Config) -> Result<(), Box<dyn Error>> {
    undertone_relay::check(config)?;
    say(&format!("the configuration is valid: {}", config.summary()))
}

fn serve(config: Config) -> Result<(), Box<dyn Error>> {
    start_log(config.log);
    let runtime = tokio::runtime::Builder::new_multi_thread()
        .enable_all()
        .build()?;
    runtime.block_on(async {
        let mut interrupt = signal(SignalKind::interrupt())?;
        let mut terminate = signal(SignalKind::terminate())?;
        let scheme = if config.tls_cert.is_some() {
            "https"
        } else {
            "http"
        };
        raise_open_files(config.max_connections);
        let relay = Relay::start(config).await?;
        let admin = relay
            .admin_addr()
            .map_or("off".into(), |address| format!("http://{address}"));
        say(&format!(
            "undertone-relay listens on {scheme}://{}, admin on {admin}",
            relay.local_addr()
        ))?;
        tokio::select! {
            _ = interrupt.recv() => {}
            _ = terminate.recv() => {}
        }
        tokio::select! {
            () = relay.shutdown() => {}
            // Asked twice: what is acknowledged is durable anyway.
            _ = interrupt.recv() => {}
            _ = terminate.recv() => {}
        }
        Ok(())
    })
}

/// Logs of this program only: libraries may name addresses.
fn start_log(level: LogLevel) {
    let filter = EnvFilter::new(format!("off,undertone_relay={}", level.as_str()));
    fmt()
        .with_env_filter(filter)
        .with_writer(io::stderr)
        .with_ansi(io::stderr().is_terminal())
        .with_target(false)
        .init();
}

fn say(line: &str) -> Result<(), Box<dyn Error>> {
    let mut out = io::stdout().lock();
    writeln!(out, "{line}")?;
    out.flush()?;
    Ok(())
}
