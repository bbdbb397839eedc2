use super::*;

#[test]
fn blocks_lists_and_entities() {
    let html = "<html><head><title>t</title><style>p{}</style></head><body><p>Dear&nbsp;Ann &amp; Bob,</p>\
                <div>one<br>two<br><br>three</div><ul><li>a<li>b</ul><ol><li>x</li></ol>caf&eacute; &#8364;&#150;&lt;b&gt; &bogus; AT&T</body>";
    assert_eq!(to_text(html), "Dear Ann & Bob,\n\none\ntwo\n\nthree\n\n- a\n- b\n\n1. x\n\ncafé €–<b> &bogus; AT&T");
}

#[test]
fn quotes_and_hidden_text() {
    let html = "<div>Yes.</div><div class=\"gmail_quote\">On Monday Bob wrote:<br><blockquote class='gmail_quote'>Can you?\
                <blockquote type=cite>Older</blockquote></blockquote></div>\
                <div style=\"display: none\">preheader <div>x</div></div><blockquote>indented</blockquote>end";
    assert_eq!(to_text(html), "Yes.\nOn Monday Bob wrote:\n\n> Can you?\n\n> > Older\n\nindented\n\nend");
}

#[test]
fn broken_markup_keeps_the_text() {
    assert_eq!(to_text("a < b and <i>c"), "a < b and c");
    assert_eq!(to_text("<p title=\"unclosed>one</p>two"), "one\n\ntwo");
    assert_eq!(to_text("<!-- unclosed <b>text</b>"), "text");
    assert_eq!(to_text("<style>p{} text"), "p{} text");
    assert_eq!(to_text("<div style='display:none'>all there is"), "all there is");
    assert_eq!(to_text("<![if !mso]>shown<![endif]><br/>x<"), "shown\nx<");
}

#[test]
fn hostile_markup_is_linear() {
    for piece in ["<div>", "<a '", "<!--", "</", "<style>", "&amp", "<blockquote>", "<p \"", "<title", "<ol><li>"] {
        let html = piece.repeat(100_000);
        to_text(&html);
    }
}
