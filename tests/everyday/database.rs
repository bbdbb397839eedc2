//! A PostgreSQL database for one home.

use std::sync::atomic::{AtomicU32, Ordering};

use sqlx::{AssertSqlSafe, Connection as _, PgConnection};

use crate::services::services;

/// Dropped with its home.
pub struct Database {
    name: String,
    pub address: String,
}

impl Database {
    pub fn create() -> Self {
        static MADE: AtomicU32 = AtomicU32::new(0);
        let name = format!("peanut_everyday_{}_{}", std::process::id(), MADE.fetch_add(1, Ordering::Relaxed));
        execute(&[format!("CREATE DATABASE {name}")]);
        let (host, _) = services().postgres.rsplit_once('/').unwrap();
        Self { address: format!("{host}/{name}"), name }
    }
}

impl Drop for Database {
    fn drop(&mut self) {
        execute(&[format!("DROP DATABASE IF EXISTS {} WITH (FORCE)", self.name)]);
    }
}

fn execute(statements: &[String]) {
    let statements = statements.to_vec();
    // The test may have a runtime of its own.
    let working = std::thread::spawn(move || {
        let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
        runtime.block_on(async {
            let mut admin = PgConnection::connect(&services().postgres).await.unwrap();
            for sql in statements {
                sqlx::query(AssertSqlSafe(sql)).execute(&mut admin).await.unwrap();
            }
            admin.close().await.unwrap();
        });
    });
    assert!(working.join().is_ok() || std::thread::panicking());
}
