//! Words that every text of a language has, folded; most frequent first. Called by `language`.

/// English.
pub(super) const ENGLISH: &str = "the of and to in is that it for was on are with as at be this have from or had by not but \
    what all were when we there can an your which their said if do will each about how up out them then she many some so \
    these would other into has more her two like him see could no make than been who its now my made did get may only \
    after also new any because does must should very where here why such our you they he his i a me us am being over e o y c d l n s t m re ve ll don isn doesn didn com org net www http https";

/// The others, in the order of `Language`.
pub(super) const FUNCTION_WORDS: [&str; 13] = [
    // German
    "der die das und ist nicht ein eine einen einem einer eines ich du er sie wir ihr es zu den dem des mit sich auf fur von \
     im an auch als wie bei oder aber nach aus am sind war wird werden wurde wurden hat haben hatte kann konnen nur noch um \
     so dass wenn uber vor zum zur bis mehr durch man sein seine diese dieser dieses sehr schon gegen vom ohne unter mich mir \
     dir ihm ihn uns euch was wer wo hier da doch mal keine kein bitte viele alle neben zwischen weil damit einfach bin bist \
     herr frau sagte steht stehen gibt ins",
    // French
    "le la les de des du un une et est pas que qui dans en pour sur ce cette ces il elle ils elles je tu nous vous ne se son \
     sa ses au aux avec par plus ou mais comme on mon ma mes ton ta tes leur leurs y sont etait ont fait faire etre avoir \
     tout tous toute bien aussi sans peut meme si encore entre apres avant deux quand donc alors votre notre nos vos chez \
     qu ete dernier cela ca suis sera etaient lui moi ici tres",
    // Spanish
    "el la los las de del un una unos y es no que en por para con su sus se lo como mas pero al le ya o este esta estos estas \
     muy sin sobre me mi te tu nos hay ser son fue era han ha cuando donde porque desde todo todos entre tambien hasta les \
     ni si yo ella ellos usted puede tiene hace hacer esto eso dos otro otra otros asi estan estaba solo gracias detras",
    // Italian
    "il lo la i gli le di del della dei delle dello un una uno e che non in per con su sul sulla si come piu ma al alla ai \
     alle da dal dalla nel nella nei sono era ha hanno questo questa questi anche se ci mi ti ne o ed essere stato molto \
     quando dove perche tutto tutti io lui lei noi voi loro suo sua fare fatto solo ancora gia dopo prima poi cosa qui grazie \
     dell nell quello sia ho sei",
    // Portuguese
    "o a os as de do da dos das um uma e que nao em no na nos nas por para com se mais mas ao aos foi como ele ela eles seu \
     sua ou quando muito ja eu tambem so pelo pela ate isso entre era depois sem mesmo ser tem esta estao sao voce minha meu \
     nosso esse este fazer pode porque onde ha foram tinha num numa obrigado fica sobre",
    // Dutch
    "de het een van en in is dat op te zijn met voor niet aan er om ook als maar dan bij nog uit naar door over wordt worden \
     werd heeft hebben had was waren kan kunnen ik je jij hij zij ze we wij jullie hun haar deze dit die wat wie waar hoe veel \
     meer geen geen al moet moeten zou zullen zal tot tegen onder onze ons mijn jouw uw of omdat toen hier daar naast",
    // Swedish
    "och att det som en ett i pa ar av for med den till inte om har de jag var man men han hon vi ni sig fran sa kan nar skulle \
     hade eller vara efter bli blir mycket alla denna detta dessa under utan mot over mellan ocksa bara har dar hur vad vem \
     sin sitt sina min mitt mina dig mig oss dem deras ska skall kommer gor bredvid nagot ingen",
    // Norwegian
    "og i det er pa som en et a til av for med at de ikke den har jeg om var seg men vi han hun fra ved sa kan nar skal vil \
     etter ble blir eller ut vaere mot over mellom ogsa bare her der hvor hva hvem hvordan sin sitt sine min mitt mine deg meg \
     oss dem deres noe ingen mye disse dette denne siden kommer gjor",
    // Danish
    "og i det er pa som en et at til af for med de ikke den har jeg om var sig men vi han hun fra ved sa kan nar skal vil efter \
     blev bliver eller ud vaere mod over mellem ogsa bare her der hvor hvad hvem hvordan sin sit sine min mit mine dig mig os \
     dem deres noget ingen meget disse dette denne siden kommer gor vores godt",
    // Finnish
    "ja on ei se etta han oli mutta ovat jos kun niin myos tai joka mita ole olen mina sina me te he ne tama taman nyt vain kuin \
     sen sita siita jotka oma kaikki hyvin viela sitten eli koska jo olla ollut voi seka noin mukaan kanssa eivat ollaan meidan \
     hanen heidan ennen jalkeen siella taalla mika missa miten kuka minun sinun",
    // Hungarian
    "a az es hogy nem is egy ez meg de van volt ha csak mint vagy azt ezt mar ki el fel be le akkor most itt ott mert minden \
     nagyon lehet kell lesz volna amely ami aki ahol sem ne igen jo neki nekem engem ok ti mi te en ezek azok utan alatt kozott \
     szerint hanem pedig vannak meg mellett",
    // Romanian
    "si de la in a cu pe nu este sunt ca un o din pentru mai sau dar care ce se al ale ai lui ei au fost era va fi am are as \
     acest aceasta aceste acesta prin dupa cand unde cum foarte tot toate toti fara intre pana despre doar daca eu tu el ea noi \
     voi lor sa iar deci catre unei unui cel cea cele cei asta langa noastre",
    // Turkish
    "ve bir bu da de icin ile o ne var yok cok daha gibi ama en kadar olarak olan ben sen biz siz onlar sonra degil mi mu her \
     ki ya veya hem once ancak cunku nasil neden kim nerede sey iyi bana sana ona bize size bunu sunu oldu olur olacak \
     tarafindan gore diye bile hic bizim benim senin yeni",
];

/// Frequent words of languages that have no stemmer: Polish, Czech, Croatian, Indonesian, Vietnamese, Latin as filler.
pub(super) const UNKNOWN: &str = "sie nie na jest do ze przez jak ale czy ktory oraz przed tylko sa byl moze je ve ktery jako \
    jsem byl jsou take kde jen yang dan di ini itu dengan untuk dari pada adalah tidak akan cua va la co khong nguoi trong cho \
    duoc nhung mot ut et ad sed ja sam nisu ili sto kao koji bih igra ipsum dolor amet";
