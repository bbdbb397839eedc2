use super::*;

fn runs(text: &str) -> Vec<(ChunkKind, String)> {
    split(text, &Hints::default()).into_iter().map(|run| (run.kind, run.text)).collect()
}

fn body(text: &str) -> String {
    runs(text)
        .into_iter()
        .filter(|(kind, _)| *kind == ChunkKind::Body)
        .map(|(_, text)| text)
        .collect::<Vec<_>>()
        .join("|")
}

#[test]
fn top_posting() {
    let text = "Fine with me.\n\nOn Mon, Apr 2, 2012 at 6:26 PM, Megan One\n<m@x.org> wrote:\n\n> Is it?\n>\n> Megan\n";
    assert_eq!(
        runs(text),
        [
            (ChunkKind::Body, "Fine with me.".into()),
            (
                ChunkKind::Quoted,
                "On Mon, Apr 2, 2012 at 6:26 PM, Megan One\n<m@x.org> wrote:\n\n> Is it?\n>\n> Megan".into()
            )
        ]
    );
}

#[test]
fn interleaved_answers_stay_in_order() {
    let text = "Ann wrote:\n> one?\nYes.\n\n> two?\n\nNo.\n-- \nBob\n";
    assert_eq!(
        runs(text),
        [
            (ChunkKind::Quoted, "Ann wrote:\n> one?".into()),
            (ChunkKind::Body, "Yes.".into()),
            (ChunkKind::Quoted, "> two?".into()),
            (ChunkKind::Body, "No.".into()),
            (ChunkKind::Signature, "-- \nBob".replace("-- ", "--")),
        ]
    );
}

#[test]
fn copied_messages_are_quotes() {
    assert_eq!(body("Hello\n\n-----Original Message-----\nFrom: bob\nSent: now\nTo: me\nSubject: x\n\nHi\n"), "Hello");
    assert_eq!(
        body("Hello\n\n________________________________\nFrom: bob\nSent: now\nTo: me\nSubject: x\n\nHi\n"),
        "Hello"
    );
    assert_eq!(body("Hallo\n\nVon: bob\nGesendet: jetzt\nAn: mich\nBetreff: x\n\nHi\n"), "Hallo");
    assert_eq!(body("Hello\n\nOn Tuesday, April 3, 2012 at 4:55 PM, xxx wrote:\n\nHi there\n"), "Hello");
}

#[test]
fn forwarded_messages_are_content() {
    let text =
        "FYI\n\n---------- Forwarded message ----------\nFrom: bob\nDate: now\nSubject: x\n\nThe news.\n> older\n";
    assert!(body(text).contains("The news."));
    assert!(!body(text).contains("older"));
    let apple = "FYI\n\nBegin forwarded message:\n\n> From: bob\n> Date: now\n> Subject: x\n>\n> The news.\n";
    assert!(body(apple).contains("The news."));
    let outlook = "FYI\n\n-----Original Message-----\nFrom: bob\nSent: now\nTo: me\n\nThe news.\n";
    let hints = Hints::new("FW: news", true, None);
    assert!(Hints::new("news", false, None).is_opening && Hints::new("[x] Fwd: news", true, None).is_forward);
    assert!(!Hints::new("news", true, None).is_opening && !Hints::new("[x] Re: news", false, None).is_opening);
    let pasted =
        "Seen this?\n\n-------- Original Message --------\nSubject: x\nDate: now\nFrom: bob\nTo: me\n\nThe news.\n";
    let opening = Hints::new("news", false, None);
    assert!(split(pasted, &opening).iter().any(|run| run.kind == ChunkKind::Body && run.text.contains("The news.")));
    assert!(split(outlook, &hints).iter().any(|run| run.kind == ChunkKind::Body && run.text.contains("The news.")));
}

#[test]
fn nothing_but_a_quote_is_content() {
    assert_eq!(body("> all of it\n> is marked\n"), "> all of it\n> is marked");
    assert_eq!(body(""), "");
    assert!(runs("\n \n").is_empty());
}

#[test]
fn lookalikes_stay_body() {
    assert!(body("Try this:\n\n>>> import numpy\n>>> numpy.zeros(3)\n[0 0 0]\n").contains("import numpy"));
    assert!(body("Long ago.\n>From there we went on.\n").contains("From there"));
    assert!(body("We shall see.\nFrom: is a header.\nBut this is prose.\n").contains("prose"));
    assert!(body("Note this:\n\nAnn said at 10:00 that all is well.\nAnd more.\n").contains("And more."));
}

#[test]
fn signatures() {
    let signature = |text: &str, sender: Option<&str>| {
        let runs = split(text, &Hints { sender, ..Hints::default() });
        runs.into_iter().find(|run| run.kind == ChunkKind::Signature).map(|run| run.text)
    };
    assert_eq!(signature("Hello\n\n-- \nAnn\nx.org\n", None).as_deref(), Some("--\nAnn\nx.org"));
    assert_eq!(signature("Hello\n\nSent from my iPhone\n", None).as_deref(), Some("Sent from my iPhone"));
    assert_eq!(signature("Hello there.\n\nThank you,\nNoam\n", None).as_deref(), Some("Thank you,\nNoam"));
    assert_eq!(
        signature("Too high.\n\nStavros X\nvia mobile\n", Some("Stavros X")).as_deref(),
        Some("Stavros X\nvia mobile")
    );
    assert_eq!(
        signature("Hello\n_______________________________________________\nIlug mailing list\nhttp://x/mailman/listinfo/ilug\n", None)
            .as_deref(),
        Some("_______________________________________________\nIlug mailing list\nhttp://x/mailman/listinfo/ilug")
    );
    assert_eq!(signature("Hello\n\nSent from my desk, which is much easier than from the phone.\n", None), None);
    assert_eq!(
        signature(
            "Great.\n\n-Ann Lee\n\nOn 01/03/11 7:07 PM, Bob wrote:\n> Hi\n\n_____________\nusers mailing list\n",
            Some("Ann Lee")
        )
        .as_deref(),
        Some("-Ann Lee")
    );
    assert_eq!(signature("Martin, can we get:\n\n1 L Male\n1 M Male\n\nReally cool shirts!\n", None), None);
    assert_eq!(signature("Thanks,\nthat helped a lot and I shall try it at once.\n", None), None);
}
