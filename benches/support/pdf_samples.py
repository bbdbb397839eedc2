"""PDFs whose text is known, for `cargo bench --bench pdf`: python3 pdf_samples.py FOLDER.

Needs weasyprint and reportlab, the fonts DejaVu, FreeFont, Linux Libertine and WenQuanYi Micro Hei.
"""
import os, sys
import weasyprint
from reportlab.pdfgen import canvas
from reportlab.pdfbase import pdfmetrics
from reportlab.pdfbase.cidfonts import UnicodeCIDFont
O=sys.argv[1]; os.makedirs(O,exist_ok=True)
EN="""The scientific staff of the office worked efficiently on the classification of different workflows. Officers affected by traffic were offered waffles and coffee. International conferences on state-of-the-art fluid flow confirmed five findings; the first, in 2019, influenced official affairs. Afterwards a committee reviewed the figures (12.5% of 4,300) and filed a report with the federal registry. Nobody objected to the final draft, although several members asked for clarification of the definitions in the second section."""
AR="اجتمعت اللجنة في القاهرة يوم 12 مارس 2024 لمناقشة التقرير السنوي عن الاقتصاد الرقمي. وقال المدير إن شركة Microsoft قدمت عرضا جديدا بقيمة 3,500 دولار، وإن النتائج (2023) كانت أفضل من المتوقع. السلام عليكم ورحمة الله وبركاته. الأولاد يلعبون في الحديقة الكبيرة."
HE="הוועדה נפגשה בתל אביב ביום 12 במרץ 2024 כדי לדון בדוח השנתי. המנהל אמר כי חברת Google הציעה 3,500 דולר עבור הפרויקט, וכי התוצאות (2023) היו טובות מהצפוי. תקשורת המונים היא נושא מרכזי במחקר."
ZH="委员会在北京召开会议，讨论二〇二四年的年度报告。主任表示，公司提出了新的方案，金额为3500元。结果比预期更好，大家都很满意。"
JA="委員会は東京で会議を開き、二〇二四年の年次報告について話し合った。部長は新しい提案を発表し、結果は予想より良かった。カタカナとひらがなも読める。"
KO="위원회는 서울에서 회의를 열고 연례 보고서에 대해 논의했다. 결과는 예상보다 좋았다."
def w(name,html,text):
    weasyprint.HTML(string=html).write_pdf(f'{O}/{name}.pdf'); open(f'{O}/{name}.txt','w').write(text)
def par(t,css,lang='en',dir='ltr',n=3): return f'<html lang={lang} dir={dir}><style>body{{font:11pt "DejaVu Serif";{css}}}</style><body>'+''.join(f'<p>{t}</p>' for _ in range(n)),'\n\n'.join([t]*n)
for name,css in [('en-ragged',''),('en-justified','text-align:justify;hyphens:auto'),('en-two','columns:2;text-align:justify;hyphens:auto'),('en-three','columns:3;font-size:9pt;hyphens:auto'),('en-lig','font-family:"Linux Libertine O";columns:2;text-align:justify;hyphens:auto;font-size:10pt'),('en-spaced','letter-spacing:0.12em'),('en-tight','letter-spacing:-0.03em;word-spacing:-0.08em;text-align:justify'),('en-mono','font-family:"DejaVu Sans Mono"'),('en-narrow-gap','columns:2;column-gap:10pt;text-align:justify;hyphens:auto;font-size:8pt')]:
    w(name,*par(EN,css,n=6 if 'two' in name or 'three' in name or 'lig' in name or 'gap' in name else 3))
for name,t,l in [('ar',AR,'ar'),('he',HE,'he')]:
    w(name+'-ragged',*par(t,'font-family:"DejaVu Sans"',l,'rtl')); w(name+'-just',*par(t,'font-family:"DejaVu Sans";text-align:justify',l,'rtl')); w(name+'-two',*par(t,'font-family:"DejaVu Sans";columns:2;text-align:justify',l,'rtl',6)); w(name+'-free',*par(t,'font-family:"FreeSerif"',l,'rtl'))
    w(name+'-mixed',*[ (f'<html><style>body{{font:11pt "DejaVu Sans"}}</style><p>{EN}</p><p dir=rtl lang={l}>{t}</p><p>{EN}</p>'),EN+'\n\n'+t+'\n\n'+EN])
for name,t in [('zh',ZH),('ja',JA)]:
    w(name+'-web',*par(t,'font-family:"WenQuanYi Micro Hei"'))
# table
rows=[('Item','Quantity','Price','Total'),('Peanut butter jar','12','3.50','42.00'),('Flour, fine sifted','3','1.20','3.60'),('Official coffee filter','150','0.02','3.00'),('Shipping and handling','1','9.99','9.99')]*3
w('table','<style>td{padding:4pt 14pt;border:1px solid}</style><table>'+''.join('<tr>'+''.join(f'<td>{c}</td>' for c in r)+'</tr>' for r in rows)+'</table>','\n'.join(' '.join(r) for r in rows))
w('paper',f'<style>@page{{@top-center{{content:"Journal of Waffles 12 (2024)"}}}}body{{font:10pt "DejaVu Serif"}}.c{{columns:2;text-align:justify;hyphens:auto}}</style><h1>On the flow of efficient waffles</h1><p>{EN}</p><div class=c><h2>1 Introduction</h2><p>{EN}</p><h2>2 Methods</h2><p>{EN}</p><p>{EN}</p></div><div class=c><h2>3 Results</h2><p>{EN}</p><p>{EN}</p></div>','Journal of Waffles 12 (2024)\nOn the flow of efficient waffles\n'+EN+'\n1 Introduction\n'+EN+'\n2 Methods\n'+EN+'\n'+EN+'\n3 Results\n'+EN+'\n'+EN)
# reportlab: predefined CMaps without embedding, word by word placement, no spaces
def rl(name,draw,text):
    c=canvas.Canvas(f'{O}/{name}.pdf'); draw(c); c.save(); open(f'{O}/{name}.txt','w').write(text)
for n,f,t in [('zh-cid','STSong-Light',ZH),('ja-cid','HeiseiMin-W3',JA),('ko-cid','HYSMyeongJo-Medium',KO),('tw-cid','MSung-Light','委員會在台北召開會議，討論年度報告。結果比預期更好。')]:
    pdfmetrics.registerFont(UnicodeCIDFont(f))
    def d(c):
        c.setFont(f,12); y=780
        for i in range(0,len(t),30): c.drawString(60,y,t[i:i+30]); y-=18
    rl(n,d,t)
def words_placed(c):
    c.setFont('Times-Roman',11); x,y=60,780
    for wd in (EN+' '+EN).split():
        ww=c.stringWidth(wd,'Times-Roman',11)
        if x+ww>540: x=60;y-=13
        c.drawString(x,y,wd); x+=ww+1.9
rl('placed-tight',words_placed,EN+' '+EN)
def just(c):
    c.setFont('Times-Roman',11); y=780; line=[];
    def out(line,last):
        tot=sum(c.stringWidth(q,'Times-Roman',11) for q in line); gap=(480-tot)/max(1,len(line)-1) if not last else 2.75; x=60
        for q in line: 
            c.drawString(x,y,q); x+=c.stringWidth(q,'Times-Roman',11)+gap
    for wd in (EN+' '+EN).split():
        if sum(c.stringWidth(q,'Times-Roman',11)+1.6 for q in line+[wd])>482: out(line,False); y-=13; line=[]
        line.append(wd)
    out(line,True)
rl('placed-justified',just,EN+' '+EN)
def glyphs(c):
    c.setFont('Helvetica',11); x,y=60,780
    for wd in EN.split():
        ww=c.stringWidth(wd,'Helvetica',11)
        if x+ww>540: x=60;y-=14
        for ch in wd: c.drawString(x,y,ch); x+=c.stringWidth(ch,'Helvetica',11)
        x+=2.6
rl('placed-glyphs',glyphs,EN)
def bold(c):
    c.setFont('Helvetica',11); y=780
    for i in range(0,len(EN.split()),10):
        s=' '.join(EN.split()[i:i+10])
        for dx in (0,.3,.5): c.drawString(60+dx,y,s)
        y-=14
rl('fake-bold',bold,EN)
def rot(c):
    c.rotate(90); c.setFont('Times-Roman',11); y=-60
    ws=EN.split()
    for i in range(0,len(ws),12): c.drawString(60,y,' '.join(ws[i:i+12])); y-=14
rl('rotated-90',rot,EN)
def num(c):
    c.setFont('Courier',11); y=760; ws=EN.split()
    for k,i in enumerate(range(0,len(ws),7)): c.drawString(50,y,str(k+1)); c.drawString(100,y,' '.join(ws[i:i+7])); y-=24
rl('line-numbers',num,EN)
