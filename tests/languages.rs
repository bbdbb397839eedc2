//! Words are found in every language, however they are written: other forms, other letters, scripts without blanks, names
//! and numbers as they stand. On both engines.

#![expect(clippy::expect_used, clippy::unwrap_used, reason = "tests")]

#[path = "support/services.rs"]
#[expect(dead_code, reason = "other tests use the rest")]
mod services;

use std::path::Path;
use std::time::Duration;

use peanut::config::{Config, Environment, Overrides};
use peanut::domain::intake::FileState;
use peanut::domain::search::{Hit, SearchMode, SearchRequest};
use peanut::runtime::shutdown::Shutdown;
use peanut::runtime::wiring::{House, WorkerSet};
use sqlx::{Connection as _, PgConnection};

use crate::services::services;

/// Texts by the names of their files.
const TEXTS: &[(&str, &str)] = &[
    ("ar1", "هذا كِتابٌ جديد عن مَرَّاكُش"),
    ("ar2", "مدينة آسفي وإدارة الأعمال"),
    ("ar3", "الدورى المصرى مـــمـــتـــاز"),
    ("cjk1", "野比大雄去了图书馆。"),
    ("cjk2", "东京都是日本的首都"),
    ("de1", "Die Straße war gesperrt, sagte Frau Müller aus Köln."),
    ("de2", "Herr Mueller wohnt in der Hauptstrasse."),
    ("de3", "Die Häuser stehen neben dem Haus; das Kraftfahrzeug-Haftpflichtversicherungsgesetz."),
    ("de4", "GROSSE STRASSEN"),
    ("en1", "The resumé of a naïve coöperating café; Dr. O’Neil’s R&D e-mail C++ C# .NET node.js"),
    (
        "en2",
        "Notes on call atomic_write_json and unlockWithBiometrics, see ADR-016 for release 3.14.2 by ann.b@example.org",
    ),
    (
        "en3",
        "Release 3.2.14 of the 016 series, an ADR of Ann, node and js, example, org, b, and whatever else there is to say of it",
    ),
    ("es1", "El año del niño"),
    ("es2", "Las canciones que cantaban los niños en la escuela"),
    ("fa1", "کتاب‌خانه و كتاب"),
    ("fr1", "L'été dernier, l’hôtel du Café Zoé coûtait 100€; cœur à cœur, sœur"),
    ("full", "Ｇｉｎｔａｍａ　２０２４年"),
    ("gr1", "Ο Οδυσσεύς ταξίδεψε"),
    ("gr2", "ΟΔΥΣΣΕΥΣ ΚΑΙ ΠΗΝΕΛΟΠΗ"),
    ("he1", "שָׁלוֹם עולם והבית"),
    ("hi1", "हिन्दी भाषा में किताबें"),
    ("hr1", "Đoković igra u Zagrebu"),
    ("ja1", "サーバーの設定を変更しました"),
    ("ja2", "ｻｰﾊﾞｰの電源"),
    ("ja3", "プロジェクトの計画"),
    ("km1", "មនុស្សដែលបានឃើញគាត់អាចផ្តល់ការពិពណ៌នាបាន"),
    ("ko1", "학점인정 신청서를 제출했습니다"),
    ("mixed", "Straße Søndre Łódź Encyclopædia Đức 東京都 🦀 การประชุมงบประมาณ"),
    ("no1", "Smørrebrød og Ærø"),
    ("pl1", "Łódź i Wrocław, zażółć"),
    ("ru1", "Миграция завершена в срок."),
    ("ru2", "После миграции серверы работают."),
    ("ru3", "Ёлка стояла у стены. Йогурт в холодильнике."),
    ("th1", "ฉันชอบกินข้าวเช้าทุกวันและอ่านข่าวตอนเย็นที่บ้านของฉันในกรุงเทพมหานคร"),
    ("tr1", "Işık açık kaldı. IŞIK söndü."),
    ("tr2", "İstanbul güzel. İSTANBUL kalabalık."),
    ("tr3", "ılık su"),
    ("vi1", "Đường phố Hà Nội"),
];

/// What is typed, and a text that must be found.
#[rustfmt::skip]
const FOUND: &[(&str, &str)] = &[
    ("野", "cjk1"), ("图书馆", "cjk1"), ("大雄", "cjk1"), ("首都", "cjk2"), ("京都", "cjk2"), ("东", "cjk2"),
    ("サーバー", "ja1"), ("設定", "ja1"), ("サーバー", "ja2"), ("ｻｰﾊﾞｰ", "ja1"), ("電", "ja2"), ("プロジェクト", "ja3"),
    ("학점인정", "ko1"), ("신청", "ko1"), ("กินข้าว", "th1"), ("กรุงเทพ", "th1"), ("ពណ៌នា", "km1"), ("មនុស្ស", "km1"),
    ("Strasse", "de1"), ("Straße", "de1"), ("Mueller", "de1"), ("Müller", "de2"), ("Muller", "de1"), ("Haus", "de3"),
    ("Häuser", "de3"), ("Häusern", "de3"), ("straßen", "de4"), ("Koeln", "de1"), ("\"neben dem Haus\"", "de3"),
    ("\"Frau Mueller aus\"", "de1"), ("ışık", "tr1"), ("IŞIK", "tr1"), ("isik", "tr1"), ("istanbul", "tr2"),
    ("İSTANBUL", "tr2"), ("ISTANBUL", "tr2"), ("ilik", "tr3"), ("миграция", "ru2"), ("миграции", "ru1"), ("сервер", "ru2"),
    ("елка", "ru3"), ("йогурт", "ru3"), ("كتاب", "ar1"), ("مراكش", "ar1"), ("اسفي", "ar2"), ("الدوري", "ar3"), ("ممتاز", "ar3"),
    ("کتاب", "fa1"), ("Lodz", "pl1"), ("łódź", "pl1"), ("zazolc", "pl1"), ("smorrebrod", "no1"), ("Aero", "no1"),
    ("duong", "vi1"), ("noi", "vi1"), ("Djokovic", "hr1"), ("Dokovic", "hr1"), ("οδυσσευς", "gr2"), ("Οδυσσεύς", "gr2"),
    ("ΟΔΥΣΣΕΥΣ", "gr1"), ("πηνελοπη", "gr2"), ("ete", "fr1"), ("hotel", "fr1"), ("cafe", "fr1"), ("coeur", "fr1"),
    ("sœur", "fr1"), ("soeur", "fr1"), ("हिन्दी", "hi1"), ("हिंदी", "hi1"), ("किताबें", "hi1"), ("שלום", "he1"), ("בית", "he1"),
    ("ano", "es1"), ("cancion", "es2"), ("canción", "es2"), ("nino", "es2"), ("resume", "en1"), ("naive", "en1"),
    ("O'Neil", "en1"), ("e-mail", "en1"), ("C++", "en1"), ("\"C#\"", "en1"), ("node.js", "en1"), (".NET", "en1"),
    ("Gintama", "full"), ("2024", "full"), ("strasse", "mixed"), ("sondre", "mixed"), ("lodz", "mixed"),
    ("encyclopaedia", "mixed"), ("duc", "mixed"), ("東", "mixed"), ("🦀", "mixed"), ("งบประมาณ", "mixed"),
    ("atomic", "en2"), ("json", "en2"), ("biometrics", "en2"), ("unlock biometrics", "en2"), ("\"write json\"", "en2"),
];

/// What is typed as it stands, and the text that must come first.
const FIRST: &[(&str, &str)] = &[
    ("3.14.2", "en2"),
    ("3.2.14", "en3"),
    ("ADR-016", "en2"),
    ("ann.b@example.org", "en2"),
    ("node.js", "en1"),
    ("atomic_write_json", "en2"),
    ("unlockWithBiometrics", "en2"),
];

async fn searched(house: &House, query: &str) -> Vec<Hit> {
    let request = SearchRequest { query: query.into(), limit: 100, offset: 0, mode: SearchMode::Words };
    house.search.search(&request).await.unwrap().hits
}

async fn filled(data: &Path, variables: &[(&str, &str)], texts: &[(&str, &str)]) -> (House, Shutdown) {
    let source = data.join("source");
    std::fs::create_dir_all(&source).unwrap();
    for (name, text) in texts {
        std::fs::write(source.join(format!("{name}.txt")), text).unwrap();
    }
    let overrides = Overrides { data_dir: Some(data.join("data")), ..Overrides::default() };
    let variables = [&[("HOME", "/nowhere"), ("PEANUT_MODEL", "static")], variables].concat();
    let house = House::open(Config::load(&overrides, &Environment::of(&variables)).unwrap()).await.unwrap();
    let shutdown = Shutdown::new();
    let workers = house.try_start_workers(&shutdown, WorkerSet::All).await.unwrap().unwrap();
    house.intake.offer_paths(&[source.to_str().unwrap().to_owned()]).await.unwrap();
    let mut pictures = house.status().picture();
    let reading = async {
        loop {
            let counts = pictures.borrow_and_update().intake.files_by_state.clone();
            let indexed = counts.iter().filter(|(state, _)| *state == FileState::Indexed).map(|(_, n)| n).sum::<u64>();
            if indexed == texts.len() as u64 {
                return;
            }
            pictures.changed().await.unwrap();
        }
    };
    tokio::time::timeout(Duration::from_secs(120), reading).await.unwrap();
    shutdown.advance();
    workers.join(&shutdown).await;
    (house, shutdown)
}

async fn everything_is_found(house: &House) {
    let mut missing = Vec::new();
    for (query, name) in FOUND {
        let hits = searched(house, query).await;
        match hits.iter().find(|hit| hit.source_path.ends_with(&format!("/{name}.txt"))) {
            Some(hit) if hit.snippets().any(|snippet| !snippet.marks.is_empty()) => {}
            Some(hit) => missing.push(format!("{query} is not marked in {}", hit.snippet.text)),
            None => missing.push(format!("{query} does not find {name}")),
        }
    }
    for (query, name) in FIRST {
        let hits = searched(house, query).await;
        let first = hits.first().map(|hit| hit.source_path.clone()).unwrap_or_default();
        if !first.ends_with(&format!("/{name}.txt")) {
            missing.push(format!("{query} finds {first} first"));
        }
    }
    assert!(missing.is_empty(), "{missing:#?}");
    assert_eq!(house.store.verify().await.unwrap().problems, Vec::<String>::new());
}

#[tokio::test]
async fn every_language_is_found() {
    let folder = tempfile::tempdir().unwrap();
    let (house, _shutdown) = filled(folder.path(), &[], TEXTS).await;
    everything_is_found(&house).await;
    house.close().await;
}

/// Of what somebody remembers of a paragraph, this part must find it among the first ten, in percent, in every language.
const FOUND_OF_HUNDRED: usize = 95;

#[tokio::test]
async fn paragraphs_of_seven_languages_are_found_by_what_is_remembered_of_them() {
    #[derive(serde::Deserialize)]
    #[serde(untagged)]
    enum Line {
        Asked { language: String, query: String, finds: String },
        Text { name: String, text: String },
    }
    let fixture = include_str!("fixtures/handbook/known_items.jsonl");
    let lines: Vec<Line> = fixture.lines().map(|line| serde_json::from_str(line).unwrap()).collect();
    let text = |line: &'static Line| match line {
        Line::Text { name, text } => Some((name.as_str(), text.as_str())),
        Line::Asked { .. } => None,
    };
    let lines: &'static [Line] = lines.leak();
    let texts: Vec<(&str, &str)> = lines.iter().filter_map(text).collect();
    let folder = tempfile::tempdir().unwrap();
    let (house, _shutdown) = filled(folder.path(), &[], &texts).await;
    let mut found: std::collections::BTreeMap<&str, (usize, usize, Vec<&str>)> = std::collections::BTreeMap::new();
    for line in lines {
        let Line::Asked { language, query, finds } = line else { continue };
        let (hits, asked, missing) = found.entry(language).or_default();
        let request = SearchRequest { query: query.clone(), limit: 10, offset: 0, mode: SearchMode::Words };
        let first_ten = house.search.search(&request).await.unwrap().hits;
        let is_found = first_ten.iter().any(|hit| hit.source_path.ends_with(&format!("/{finds}.txt")));
        *asked += 1;
        *hits += usize::from(is_found);
        missing.extend((!is_found).then_some(query.as_str()));
    }
    assert_eq!(found.len(), 7);
    for (language, (hits, asked, missing)) in found {
        assert!(asked == 50 && hits * 100 >= asked * FOUND_OF_HUNDRED, "{language}: {hits} of {asked}: {missing:?}");
    }
    house.close().await;
}

#[tokio::test]
async fn every_language_is_found_with_postgres() {
    let server = &services().postgres;
    let name = format!("peanut_languages_{}", std::process::id());
    execute(server, &format!("CREATE DATABASE {name}")).await;
    let url = format!("{}/{name}", server.rsplit_once('/').unwrap().0);
    let folder = tempfile::tempdir().unwrap();
    let (house, _shutdown) = filled(folder.path(), &[("POSTGRES_URL", &url)], TEXTS).await;
    everything_is_found(&house).await;
    house.close().await;
    execute(server, &format!("DROP DATABASE {name} WITH (FORCE)")).await;
}

async fn execute(url: &str, sql: &str) {
    let mut connection = PgConnection::connect(url).await.unwrap();
    sqlx::raw_sql(sqlx::AssertSqlSafe(sql.to_owned())).execute(&mut connection).await.unwrap();
    connection.close().await.unwrap();
}
