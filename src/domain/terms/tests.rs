use proptest::prelude::*;

use super::*;
use crate::domain::search::WordMatch;

#[test]
fn words_are_folded_and_stemmed() {
    assert_eq!(terms("Running RUNS; the café's naïve Über-größe"), "run run the cafe s naiv uber gross ueber groess");
    assert_eq!(terms("foo_bar v3.14 user@host.com"), "foo_bar v3 14 user host com foo bar");
}

#[test]
fn cjk_runs_become_pairs() {
    assert_eq!(terms("東京都 x 日"), "東京 京都 x 日 都");
}

#[test]
fn ranges_point_at_the_words() {
    let text = "Das Café, läuft";
    let found: Vec<&str> = tokens(text).iter().map(|token| &text[token.range.clone()]).collect();
    assert_eq!(found, ["Das", "Café", "läuft", "läuft"], "as lauft and as laeuft");
    let composed = "cafe\u{301} x";
    assert_eq!(tokens(composed)[0], Token { range: 0..6, term: "cafe".into() });
}

#[test]
fn the_stop_list_is_sorted_and_case_does_not_matter() {
    assert!(stop_words::STOP_WORDS.is_sorted());
    assert!(is_stop_word("The") && !is_stop_word("theory"));
}

#[test]
fn stop_terms_can_be_asked_for_while_a_text_is_taken_apart() {
    let mut kept = Vec::new();
    each_token("the being of because", |_, term| {
        if !is_stop_term(term) {
            kept.push(term.to_owned());
        }
    });
    assert!(kept.is_empty(), "{kept:?}");
}

#[test]
fn terms_hold_no_blank_and_no_ascii_punctuation() {
    let text = "a\u{a0}b\u{0}c ½ ① ﬁn ſ İ ŉ ǰ \u{1f600} ... C++ _a_b \u{301}x";
    assert!(
        terms(text).split(' ').all(|term| {
            !term.is_empty() && term.chars().all(|c| !c.is_ascii() || c.is_ascii_alphanumeric() || c == '_')
        }),
        "{:?}",
        terms(text)
    );
}

#[test]
fn endless_tokens_are_cut() {
    assert_eq!(terms(&"ab1".repeat(100)).len(), LONGEST_TERM_BYTES);
    // And none of them stays in memory: the table of stems holds short words.
    let _ = terms(&"x".repeat(1 << 20));
    STEMS.with_borrow(|stems| assert!(stems.longest_known() <= LONGEST_TERM_BYTES));
}

/// Whether every word of a query is found in a text.
fn finds(query: &str, text: &str) -> bool {
    let joined = terms(text);
    let held: Vec<&str> = joined.split(' ').collect();
    let holds = |sequence: &Vec<String>| held.windows(sequence.len()).any(|window| window == sequence);
    let words = asked(query);
    !words.is_empty()
        && words.iter().all(|word| match word.matching() {
            WordMatch::Term(term) => held.contains(&term.as_str()),
            WordMatch::Prefix(start) => held.iter().any(|term| term.starts_with(&start)),
            WordMatch::Phrase(sequence) => holds(&sequence),
            WordMatch::Any(sequences) => sequences.iter().any(holds),
        })
}

#[test]
fn every_language_finds_its_word_forms() {
    for (text, queries) in [
        (
            "Die Häuser stehen neben dem Haus und die Kinder spielten auf den Wiesen.",
            &["Haus", "Häuser", "Kind", "Wiese", "haeuser", "hauser", "spielt"][..],
        ),
        (
            "Les chevaux mangeaient dans les prairies et nous étions très heureux.",
            &["mangeait", "prairie", "heureuse", "cheval", "etions", "étions"],
        ),
        (
            "Las educaciones de los niños y las canciones que cantaban en la escuela.",
            &["educación", "educacion", "canción", "cancion", "cantar", "escuelas", "niño", "nino"],
        ),
        (
            "I ragazzi mangiavano nelle case e non sono stati nelle città della zona.",
            &["ragazzo", "casa", "mangiare", "citta", "città"],
        ),
        (
            "As crianças estavam nas casas e não nas escolas, mas as informações são boas.",
            &["criança", "crianca", "casa", "informação", "informacao", "escola"],
        ),
        (
            "De kinderen speelden niet in het huis en waren met de boeken naar school.",
            &["speelden", "boek", "boeken", "scholen"],
        ),
        ("Barnen lekte inte i husen och de var hos flickorna som hade böckerna.", &["flicka", "hus", "husen", "barn"]),
        ("Husene er ikke våre, men jeg liker bøkene og bilene som står her.", &["hus", "huset", "bil", "boken"]),
        ("Talossa ei ole ketään, mutta hän oli taloissa ja se on hyvä.", &["talo", "taloissa", "talon"]),
        ("A házakban nem volt senki, és ez a könyvek miatt van csak így.", &["ház", "haz", "könyv"]),
        ("Casele sunt lângă biserică și nu sunt ale noastre, dar copiii este bine.", &["casă", "casa", "biserica"]),
        ("Evlerde kitaplar var ama bu çok değil, ben de okudum.", &["ev", "kitap", "kitaplar"]),
        ("Миграция завершена, серверы работают.", &["миграции", "миграцию", "сервер"]),
        ("الكتاب في المدرسة", &["كتاب", "مدرسة"]),
        ("Οι άνθρωποι διάβασαν τα βιβλία", &["άνθρωπος", "βιβλία"]),
    ] {
        for query in queries {
            assert!(finds(query, text), "{query} in {text}: {}", terms(text));
        }
    }
}

#[test]
fn however_it_is_written_it_is_found() {
    for (text, queries) in [
        (
            "Die Straße war gesperrt, sagte Frau Müller aus Köln.",
            &["Strasse", "Straße", "Mueller", "Muller", "Koeln", "Köln"][..],
        ),
        ("Herr Mueller wohnt in der Hauptstrasse.", &["Müller", "Mueller", "Hauptstraße"]),
        ("GROSSE STRASSEN", &["straßen", "große"]),
        ("Müller GmbH", &["Mueller", "Muller", "müller"]),
        ("Herr Mueller und seine Frau sind nicht hier, aber das ist egal.", &["Müller"]),
        ("Işık açık kaldı. IŞIK söndü.", &["ışık", "IŞIK", "isik", "Isik"]),
        ("İstanbul güzel. İSTANBUL kalabalık.", &["istanbul", "İSTANBUL", "ISTANBUL", "Istanbul"]),
        ("ılık su", &["ilik", "ILIK"]),
        ("Łódź i Wrocław, zażółć", &["Lodz", "łódź", "zazolc", "ŁÓDŹ"]),
        ("Smørrebrød og Ærø", &["smorrebrod", "Aero", "smoerrebroed"]),
        ("Søndre Encyclopædia Đức", &["sondre", "encyclopaedia", "duc"]),
        ("Đường phố Hà Nội", &["duong", "noi", "pho"]),
        ("Đoković igra u Zagrebu", &["Djokovic", "Dokovic", "Đoković"]),
        (
            "L'été dernier, l’hôtel du Café Zoé coûtait 100€; cœur à cœur, sœur",
            &["ete", "hotel", "cafe", "coeur", "sœur", "soeur", "hôtel"],
        ),
        ("El año del niño", &["ano", "año", "niño"]),
        ("The resumé of a naïve coöperating café; Dr. O’Neil’s", &["resume", "naive", "O'Neil", "cooperating"]),
        ("שָׁלוֹם עולם והבית", &["שלום", "בית", "הבית"]),
        ("हिन्दी भाषा में किताबें", &["हिन्दी", "हिंदी", "किताबें"]),
        ("کتاب‌خانه و كتاب", &["کتاب", "كتاب", "خانه"]),
        ("مدينة آسفي وإدارة الأعمال", &["اسفي", "مدينه", "الاعمال", "إدارة", "ادارة"]),
        ("الدورى المصرى مـــمـــتـــاز", &["الدوري", "المصري", "ممتاز"]),
        ("Ο Οδυσσεύς ταξίδεψε", &["ΟΔΥΣΣΕΥΣ", "οδυσσευς"]),
        ("Ёлка стояла у стены. Йогурт", &["елка", "йогурт", "ёлка"]),
        ("野比大雄去了图书馆。", &["野", "图书馆", "大雄", "馆", "书"]),
        ("ｻｰﾊﾞｰの電源", &["電", "サーバー", "源"]),
        ("Ｇｉｎｔａｍａ　２０２４年", &["Gintama", "2024", "年"]),
        ("東京都 🦀 การประชุมงบประมาณ", &["東", "🦀", "งบประมาณ", "ประชุม"]),
        (
            "call atomic_write_json or unlockWithBiometrics",
            &["atomic", "json", "biometrics", "unlock", "atomic_write_json"],
        ),
    ] {
        for query in queries {
            assert!(finds(query, text), "{query} in {text}: {}", terms(text));
        }
    }
}

#[test]
fn english_texts_hold_english_terms_only() {
    let text = "The news of the day: nobody was dying in the house, and new servers were running. For me it is a no.";
    assert!(terms(text).is_ascii(), "{}", terms(text));
    assert!(!finds("new", "What is the news of the day?") && !finds("dies", "we had a nice day"));
}

#[test]
fn paragraphs_have_languages_of_their_own() {
    let text = "The houses are near to the river and we have been there.\n\nDie Häuser stehen neben dem Haus und sind nicht alt.";
    let found = terms(text);
    assert!(found.starts_with("the hous are") && found.contains("haus¡"), "{found}");
    assert!(finds("houses", text) && finds("Häusern", text));
    let line = tokens_in(language_of("Die Häuser stehen neben dem Haus und sind nicht alt."), "Häuser stehen");
    assert_eq!(line.first().map(|token| token.term.as_str()), Some("haus¡"));
}

#[test]
fn phrases_are_looked_for_in_every_language() {
    let holds = |query: &str, text: &str| {
        let joined = terms(text);
        let held: Vec<&str> = joined.split(' ').collect();
        let is_there = |sequence: &Vec<String>| held.windows(sequence.len()).any(|window| window == sequence);
        match phrase(&asked(query)) {
            WordMatch::Phrase(sequence) => is_there(&sequence),
            WordMatch::Any(sequences) => sequences.iter().any(is_there),
            _ => false,
        }
    };
    assert!(holds("neben dem Haus", "Die Häuser stehen neben dem Haus und sind nicht alt."));
    assert!(holds("aus Koln", "Die Straße war gesperrt, sagte Frau Müller aus Köln."));
    assert!(holds("Frau Mueller aus", "Die Straße war gesperrt, sagte Frau Müller aus Köln."));
    assert!(holds("state of the art", "This is the state of the art in all that we do."));
    assert!(holds("3.14.2", "Version 3.14.2 is out") && !holds("3.14.2", "Version 3.2.14 is out"));
    assert!(holds("atomic write", "call atomic_write_json"));
    assert!(holds("图书馆", "野比大雄去了图书馆。"));
}

#[test]
fn mistyped_words_are_near_in_the_language_of_the_term() {
    let near = Near::of("Häusser").unwrap();
    assert_eq!(near.distance("haus¡"), Near::of("Häusser").unwrap().distance("haus¡"));
    assert_eq!(Near::of("budgte").unwrap().distance("budget"), Some(1));
    assert_eq!(Near::of("budget").unwrap().distance("budget"), None);
    assert!(Near::of("x").is_none());
}

proptest! {
    #[test]
    fn tokens_stand_on_characters_and_in_order(text in "\\PC{0,120}|[a-zA-Z_+#.äöüßéıİ日本サーバーｻﾞ한국กำข้🦀 \n\u{301}\u{64b}]{0,120}") {
        let mut last = 0;
        for Token { range, term } in tokens(&text) {
            prop_assert!(text.get(range.clone()).is_some() && !range.is_empty() && range.start >= last);
            prop_assert!(!term.is_empty() && !term.contains(' ') && term.len() <= LONGEST_TERM_BYTES);
            last = range.start;
        }
        let split = terms(&text);
        prop_assert_eq!(split.split(' ').filter(|term| !term.is_empty()).count(), tokens(&text).len());
    }

    #[test]
    fn what_is_typed_as_it_stands_is_found(word in "[a-zA-Zäöüßéèñçøåæłıİşğ]{1,12}|[а-яё]{2,10}|[α-ωά-ώ]{2,10}|[ก-ฮ]{2,8}|[一-鿿]{1,6}", before in "(Die Häuser sind nicht alt und |Les maisons sont dans la rue et |The house is not |)") {
        let text = format!("{before}{word}");
        prop_assert!(finds(&word, &text), "{} in {}: {}", word, text, terms(&text));
        prop_assert!(finds(&word.to_lowercase(), &text));
        let apart: String = unicode_normalization::UnicodeNormalization::nfd(word.as_str()).collect();
        prop_assert!(finds(&apart, &text), "{:?} apart", word);
        let text = format!("{before}{apart}");
        prop_assert!(finds(&word, &text));
    }

    #[test]
    fn accents_may_be_left_out(word in "[a-zäöüéèñçåø]{3,12}") {
        let plain = fold(&word);
        for before in ["Die Häuser sind nicht alt und ", "Las casas no son mas de la calle y ", ""] {
            let text = format!("{before}{word}");
            prop_assert!(finds(&plain, &text), "{} in {}: {}", plain, text, terms(&text));
        }
    }
}

#[test]
fn what_is_near_is_near_whatever_is_looked_at_first() {
    let mut random = fastrand::Rng::with_seed(9);
    let word = |random: &mut fastrand::Rng| -> String {
        (0..random.usize(2..9)).map(|_| ['a', 'b', 'c', 'q', 'x', 'ä', 'ж'][random.usize(..7)]).collect()
    };
    let mut near = 0;
    for _ in 0..3_000 {
        let (typed, term) = (word(&mut random), word(&mut random));
        let Some(asked) = Near::of(&typed) else { continue };
        let distance = strsim::osa_distance(&term, &typed);
        let most = if typed.chars().count() <= 4 { 1 } else { 2 };
        // Of a word that no language changes the distance is known without looking at languages.
        if terms(&typed) == typed && super::Language::of_term(&term) == super::Language::of_term(&typed) {
            let expected = (distance > 0 && distance <= most).then_some(distance as u32);
            assert_eq!(asked.distance(&term), expected, "{typed} {term}");
            near += usize::from(expected.is_some());
        }
    }
    assert!(near > 20, "{near}");
}

#[test]
fn a_title_that_is_the_whole_text_is_said_once() {
    assert_eq!(chunk_terms("Budget plan\nAlice", "Budget plan\n"), "alic budget plan");
    assert_eq!(chunk_terms("Budget plan", "Budget plan"), "budget plan");
    assert_eq!(chunk_terms("Budget plan", "Budget planning is hard"), "budget plan budget plan is hard");
    assert_eq!(chunk_terms("Budget planning", "Budget plan"), "budget plan budget plan");
    assert_eq!(chunk_terms("Budget", ""), "budget");
}
