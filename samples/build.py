"""Build the two binary sample documents: the employee handbook (PDF) and the expenses policy (DOCX).

    python samples/build.py

Needs reportlab and python-docx. Dates are fixed, so building again gives the same bytes with the same
versions of those two libraries. The Markdown and HTML documents are written by hand and are not touched here.
"""

import io
import math
import zipfile
from datetime import UTC, datetime
from pathlib import Path

from docx import Document
from docx.enum.table import WD_TABLE_ALIGNMENT
from docx.enum.text import WD_ALIGN_PARAGRAPH, WD_TAB_ALIGNMENT
from docx.oxml import OxmlElement
from docx.oxml.ns import qn
from docx.shared import Cm, Pt, RGBColor
from reportlab.lib.colors import HexColor, white
from reportlab.lib.enums import TA_LEFT
from reportlab.lib.pagesizes import A4
from reportlab.lib.styles import ParagraphStyle
from reportlab.lib.units import mm
from reportlab.platypus import (
    BaseDocTemplate,
    Frame,
    KeepTogether,
    ListFlowable,
    ListItem,
    NextPageTemplate,
    PageBreak,
    PageTemplate,
    Paragraph,
    Spacer,
    Table,
    TableStyle,
)
from reportlab.platypus.tableofcontents import TableOfContents

OUT = Path(__file__).resolve().parent / "handbook"
COMPANY = "Fennimore Wraye Ltd"
ISSUED = datetime(2026, 4, 1, 9, 0, tzinfo=UTC)

# ---------------------------------------------------------------------------------------------------------
# The handbook (PDF)
# ---------------------------------------------------------------------------------------------------------

INK = HexColor("#1d2a33")
TEAL = HexColor("#14454f")
BRASS = HexColor("#b0873a")
PALE = HexColor("#eef3f2")
RULE = HexColor("#b9c7c8")
GREY = HexColor("#5f6f77")

BODY = ParagraphStyle("Body", fontName="Times-Roman", fontSize=10.8, leading=15.2, textColor=INK, spaceAfter=7)
H1 = ParagraphStyle(
    "H1",
    fontName="Helvetica-Bold",
    fontSize=17,
    leading=21,
    textColor=TEAL,
    spaceBefore=16,
    spaceAfter=7,
    keepWithNext=1,
)
H2 = ParagraphStyle(
    "H2",
    fontName="Helvetica-Bold",
    fontSize=11.5,
    leading=15,
    textColor=TEAL,
    spaceBefore=8,
    spaceAfter=3,
    keepWithNext=1,
)
CAPTION = ParagraphStyle(
    "Caption",
    fontName="Helvetica-Bold",
    fontSize=8.8,
    leading=12,
    textColor=GREY,
    spaceBefore=4,
    spaceAfter=4,
    keepWithNext=1,
)
CELL = ParagraphStyle("Cell", fontName="Helvetica", fontSize=9.2, leading=12.2, textColor=INK, alignment=TA_LEFT)
HEAD = ParagraphStyle("Head", parent=CELL, fontName="Helvetica-Bold", textColor=white)
NOTE = ParagraphStyle("Note", parent=BODY, fontName="Helvetica", fontSize=9.4, leading=13.4, spaceAfter=0)
LIST = ParagraphStyle("List", parent=BODY, spaceAfter=3)

PAGE_W, PAGE_H = A4
LEFT, RIGHT, TOP, BOTTOM = 25 * mm, 25 * mm, 27 * mm, 24 * mm
TEXT_W = PAGE_W - LEFT - RIGHT


class Handbook(BaseDocTemplate):
    """A cover, then running pages; every numbered heading goes into the contents and the outline."""

    def __init__(self, target):
        super().__init__(
            target,
            pagesize=A4,
            title="Employee Handbook",
            author=COMPANY,
            subject="Ninth edition, April 2026",
            lang="en-GB",
            invariant=1,
        )
        cover = Frame(LEFT, BOTTOM, TEXT_W, PAGE_H - TOP - BOTTOM, id="cover")
        body = Frame(LEFT, BOTTOM, TEXT_W, PAGE_H - TOP - BOTTOM, id="body", leftPadding=0, rightPadding=0)
        self.addPageTemplates(
            [
                PageTemplate(id="cover", frames=[cover], onPage=draw_cover),
                PageTemplate(id="body", frames=[body], onPage=draw_running),
            ]
        )

    def afterFlowable(self, flowable):
        if isinstance(flowable, Paragraph) and flowable.style.name == "H1":
            text = flowable.getPlainText()
            key = "s-" + "".join(c for c in text.lower() if c.isalnum())
            self.canv.bookmarkPage(key)
            self.canv.addOutlineEntry(text, key, 0)
            self.notify("TOCEntry", (0, text, self.page, key))


def draw_dial(canvas, x, y, radius):
    """An aneroid dial, the house emblem."""
    canvas.saveState()
    canvas.translate(x, y)
    canvas.setStrokeColor(BRASS)
    canvas.setLineWidth(5)
    canvas.circle(0, 0, radius)
    canvas.setLineWidth(0.8)
    canvas.circle(0, 0, radius - 7)
    canvas.circle(0, 0, radius * 0.56)
    for step in range(61):
        angle = math.radians(225 - step * 4.5)
        outer = radius - 10
        inner = outer - (9 if step % 10 == 0 else 6 if step % 5 == 0 else 3.5)
        canvas.setLineWidth(1.4 if step % 10 == 0 else 0.6)
        canvas.line(inner * math.cos(angle), inner * math.sin(angle), outer * math.cos(angle), outer * math.sin(angle))
    canvas.setFillColor(HexColor("#f3ead6"))
    canvas.setFont("Times-Italic", 11)
    for word, angle in (("Stormy", 200), ("Rain", 145), ("Change", 90), ("Fair", 35), ("Very dry", -20)):
        canvas.saveState()
        canvas.rotate(angle - 90)
        canvas.drawCentredString(0, radius * 0.66, word)
        canvas.restoreState()
    canvas.saveState()
    canvas.rotate(35 - 90)
    canvas.setFillColor(BRASS)
    blade = canvas.beginPath()
    blade.moveTo(-3.2, -radius * 0.2)
    blade.lineTo(3.2, -radius * 0.2)
    blade.lineTo(0, radius * 0.62)
    blade.close()
    canvas.drawPath(blade, stroke=0, fill=1)
    canvas.restoreState()
    canvas.circle(0, 0, 6, stroke=0, fill=1)
    canvas.restoreState()


def draw_cover(canvas, _doc):
    canvas.saveState()
    canvas.setFillColor(TEAL)
    canvas.rect(0, 0, PAGE_W, PAGE_H, stroke=0, fill=1)
    draw_dial(canvas, PAGE_W / 2, PAGE_H - 105 * mm, 52 * mm)
    canvas.setFillColor(white)
    canvas.setFont("Times-Roman", 40)
    canvas.drawCentredString(PAGE_W / 2, 103 * mm, "Employee Handbook")
    canvas.setStrokeColor(BRASS)
    canvas.setLineWidth(1.2)
    canvas.line(PAGE_W / 2 - 22 * mm, 95 * mm, PAGE_W / 2 + 22 * mm, 95 * mm)
    canvas.setFont("Helvetica-Bold", 14)
    canvas.drawCentredString(PAGE_W / 2, 83 * mm, "Fennimore Wraye")
    canvas.setFont("Helvetica", 10.5)
    canvas.setFillColor(HexColor("#d5e0df"))
    canvas.drawCentredString(PAGE_W / 2, 76.5 * mm, "Makers of barometers, rain gauges and weathervanes since 1924")
    canvas.drawCentredString(PAGE_W / 2, 30 * mm, "Ninth edition. In force from 1 April 2026.")
    canvas.drawCentredString(PAGE_W / 2, 24.5 * mm, "Bridge Mill, Ludlow, Shropshire SY8 9CV")
    canvas.restoreState()


def draw_running(canvas, doc):
    canvas.saveState()
    canvas.setFont("Helvetica", 8.5)
    canvas.setFillColor(GREY)
    canvas.drawString(LEFT, PAGE_H - 17 * mm, "Fennimore Wraye")
    canvas.drawRightString(PAGE_W - RIGHT, PAGE_H - 17 * mm, "Employee Handbook")
    canvas.setStrokeColor(BRASS)
    canvas.setLineWidth(0.8)
    canvas.line(LEFT, PAGE_H - 19.5 * mm, PAGE_W - RIGHT, PAGE_H - 19.5 * mm)
    canvas.setStrokeColor(RULE)
    canvas.setLineWidth(0.5)
    canvas.line(LEFT, 18 * mm, PAGE_W - RIGHT, 18 * mm)
    canvas.drawString(LEFT, 13.5 * mm, "Ninth edition, April 2026")
    canvas.drawRightString(PAGE_W - RIGHT, 13.5 * mm, f"Page {doc.page}")
    canvas.restoreState()


def curly(text):
    """Typographic apostrophes, as a printed document has them."""
    return text.replace("'", "\u2019")


def p(text):
    return Paragraph(curly(text), BODY)


def bullets(*items, numbered=False):
    kind = {"bulletType": "1", "bulletFormat": "%s."} if numbered else {"bulletType": "bullet", "start": "\u2022"}
    return ListFlowable(
        [ListItem(Paragraph(curly(item), LIST), leftIndent=16) for item in items],
        bulletColor=BRASS,
        bulletFontName="Times-Bold",
        bulletFontSize=10.8,
        leftIndent=16,
        spaceAfter=6,
        **kind,
    )


def ruled(caption, widths, rows):
    """A ruled table with a caption above it, kept on one page."""
    cells = [[Paragraph(curly(text), HEAD if i == 0 else CELL) for text in row] for i, row in enumerate(rows)]
    table = Table(cells, colWidths=[TEXT_W * w for w in widths], repeatRows=1)
    table.setStyle(
        TableStyle(
            [
                ("BACKGROUND", (0, 0), (-1, 0), TEAL),
                ("ROWBACKGROUNDS", (0, 1), (-1, -1), [white, PALE]),
                ("GRID", (0, 0), (-1, -1), 0.6, RULE),
                ("BOX", (0, 0), (-1, -1), 0.9, TEAL),
                ("VALIGN", (0, 0), (-1, -1), "MIDDLE"),
                ("TOPPADDING", (0, 0), (-1, -1), 4.2),
                ("BOTTOMPADDING", (0, 0), (-1, -1), 4.8),
                ("LEFTPADDING", (0, 0), (-1, -1), 7),
            ]
        )
    )
    return KeepTogether([Paragraph(curly(caption), CAPTION), table, Spacer(1, 9)])


def note(text):
    box = Table([[Paragraph(curly(text), NOTE)]], colWidths=[TEXT_W])
    box.setStyle(
        TableStyle(
            [
                ("BACKGROUND", (0, 0), (-1, -1), PALE),
                ("LINEBEFORE", (0, 0), (0, -1), 3, BRASS),
                ("LEFTPADDING", (0, 0), (-1, -1), 11),
                ("RIGHTPADDING", (0, 0), (-1, -1), 11),
                ("TOPPADDING", (0, 0), (-1, -1), 7),
                ("BOTTOMPADDING", (0, 0), (-1, -1), 8),
            ]
        )
    )
    return KeepTogether([Spacer(1, 3), box, Spacer(1, 9)])


def h1(text):
    return Paragraph(curly(text), H1)


def h2(text):
    return Paragraph(curly(text), H2)


def handbook_story():
    toc = TableOfContents(dotsMinLevel=0)
    toc.levelStyles = [ParagraphStyle("TOC", fontName="Times-Roman", fontSize=11, leading=18, textColor=INK)]
    contents = ParagraphStyle("Contents", parent=H1, spaceBefore=0)
    return [
        NextPageTemplate("body"),
        PageBreak(),
        Paragraph("Contents", contents),
        toc,
        Spacer(1, 6),
        h1("Welcome"),
        p(
            "Arthur Fennimore repaired ships' barometers; Edith Wraye cut the dials. They opened a shared workshop above "
            "the millrace at Ludlow in 1924, and we have been telling people when to bring the washing in ever since. "
            "We are still owned by the people who work here: an employee trust bought the company in 2011 and holds "
            "100% of the shares."
        ),
        p(
            "This handbook sets out what you can expect from the company and what the company expects from you. It is "
            "written to be read. If a sentence is unclear, tell Bronwen Hesketh, our Head of People, and she will "
            "mend it. Three companion documents go with it: the <i>Expenses Policy</i>, <i>IT and Security</i>, and "
            "the <i>Returns and Warranty</i> page our customers see."
        ),
        p(
            "Rules that are part of your contract are printed in your contract. Where the two differ, the contract wins. "
            "We review the handbook every spring and publish the new edition on 1 April."
        ),
        p("<i>Rosalind Achterby, Managing Director</i>"),
        ruled(
            "Whom to ask",
            (0.36, 0.4, 0.24),
            [
                ("About", "Person or desk", "Telephone"),
                ("Contracts, leave, family and health", "Bronwen Hesketh, Head of People", "Extension 210"),
                ("Pay and expenses", "Finance, led by Imogen Tarrent", "Extension 225"),
                ("Computers and access", "IT service desk, led by Callum Adewale", "Extension 444"),
                ("Hotels and customers' orders", "Order desk, Bath", "01632 960 270"),
                ("An emergency at any site", "The duty first aider", "333"),
            ],
        ),
        PageBreak(),
        h1("1. Where and when we work"),
        h2("Our three sites"),
        p(
            "There are 142 of us. Most jobs belong to one site, but we expect people to visit the others: every new "
            "starter spends a day at each of the three within the first 8 weeks."
        ),
        ruled(
            "Table 1. Sites",
            (0.2, 0.34, 0.12, 0.34),
            [
                ("Site", "What happens there", "People", "Site manager"),
                ("Bridge Mill, Ludlow", "Making, calibration, offices", "96", "Tobias Penhallick"),
                ("Leith, Edinburgh", "Repairs and antique instruments", "27", "Morag Dalgairn"),
                ("Bath", "Showroom and order desk", "19", "Saffron Oyelade"),
            ],
        ),
        h2("Hours"),
        p(
            "Full time is 37.5 hours a week. Workshop benches run from 07:30 to 16:00, with a half-hour lunch, and close "
            "at 13:30 on Fridays. Apprentices keep the hours of the bench they are learning at. Office staff choose "
            "their own start and finish around core hours of 10:00 to 15:00. The Bath showroom opens Tuesday to "
            "Saturday, 09:30 to 17:30."
        ),
        p(
            "From 10:00 to 10:45 each morning we keep the <i>quiet bench</i>: no meetings, no calls and no radio, at "
            "every site. It began as a way of hearing a movement tick, and turned out to suit accountants just as well."
        ),
        h2("Working from home"),
        p(
            "If your work can be done elsewhere you may work from home up to 2 days a week once your probation has "
            "ended. Agree the days with your manager and keep them in the shared calendar. A one-off allowance for a "
            "desk and chair is described in the Expenses Policy; connecting safely is described in IT and Security."
        ),
        h2("Probation"),
        p(
            "Probation lasts 6 months, with a review at week 6 and week 18. It may be extended once, by no more than 3 "
            "months. Apprentices have a probation of 9 months, which cannot be extended."
        ),
        h1("2. Pay, pension and benefits"),
        p(
            "Salaries are paid into your bank account on the 26th of each month, or on the last working day before it. "
            "Pay is reviewed once a year and any change takes effect on 1 April. Payslips are on the staff intranet, "
            "which everyone calls <i>the Glass</i>. Overtime must be agreed in advance and is paid at 1.5 times the "
            "hourly rate, or at 2 times on Sundays and public holidays."
        ),
        h2("Pension"),
        p(
            "You join the pension scheme on your first day. You pay 5% of salary and the company pays 8%. If you choose "
            "to pay more, we match each extra 1% up to a company total of 11%."
        ),
        h2("The Fair Weather share"),
        p(
            "Each year 6% of operating profit is divided equally between everyone who has been employed for the whole "
            "financial year, whatever their grade. It is paid with the July salary. The share paid in July 2025 was "
            "£1,140 each."
        ),
        h2("Other benefits"),
        bullets(
            "Life assurance of 4 times annual salary, from your first day.",
            "30% off everything we make. Staff purchases carry the same guarantee as any customer's.",
            "A cycle loan of up to £1,500, repaid from salary over 12 months without interest.",
            "2 paid days a year for volunteering, taken whole or in halves.",
            "Up to £600 a year towards a course of your choice, related to your work or not.",
            "After 25 years' service, a barometer made for you, with a dial you design.",
        ),
        h1("3. Annual leave"),
        p(
            "The leave year runs from 1 April to 31 March. Your allowance grows with completed years of service, counted "
            "on 1 April. The 8 public holidays are given on top; colleagues in Leith follow the Edinburgh list. "
            "Part-time staff receive the same allowance in proportion to their hours."
        ),
        ruled(
            "Table 2. Annual leave by length of service (full time)",
            (0.4, 0.28, 0.32),
            [
                ("Completed years of service", "Annual leave", "With 8 public holidays"),
                ("Fewer than 2 years", "25 days", "33 days"),
                ("2 to 4 years", "26 days", "34 days"),
                ("5 to 9 years", "28 days", "36 days"),
                ("10 to 19 years", "30 days", "38 days"),
                ("20 years or more", "33 days", "41 days"),
            ],
        ),
        h2("Asking for leave"),
        p(
            "Ask on the Glass. For up to 3 days, give one week's notice; for anything longer, give 4 weeks. Your manager "
            "answers within 3 working days, and silence after that counts as a yes. No more than 3 people may be away "
            "from the same bench at once."
        ),
        h2("Carrying over, buying and selling"),
        p(
            "You may carry over up to 5 days, to be used by 30 June. You may buy up to 5 further days in "
            "March, paid for in equal parts over the next 12 salaries. Leave cannot be sold, except when you leave the "
            "company. The carry-over limit does not apply to leave you could not take because of sickness or family "
            "leave: see section 4."
        ),
        h2("Closing days"),
        p(
            "Bridge Mill and Leith close between Christmas and New Year. Keep 3 days of your allowance for this. The "
            "Bath showroom stays open, and those who work it take their 3 days in January."
        ),
        h1("4. Family leave"),
        p(
            "Family leave is separate from annual leave, and annual leave goes on building up while you are away. Leave "
            "built up during maternity, adoption or shared parental leave carries over in full and may be used within "
            "12 months of your return. The pay below replaces, and includes, any statutory pay."
        ),
        ruled(
            "Table 3. Family leave, and pay after 26 weeks' service",
            (0.24, 0.22, 0.54),
            [
                ("Kind of leave", "Length", "Pay"),
                (
                    "Maternity",
                    "Up to 52 weeks",
                    "20 weeks at full pay, 19 weeks at the statutory rate, 13 weeks unpaid",
                ),
                ("Adoption", "Up to 52 weeks", "The same as maternity leave"),
                (
                    "Partner's leave",
                    "6 weeks",
                    "Full pay, taken in up to 3 blocks within 52 weeks of the birth or placement",
                ),
                (
                    "Shared parental",
                    "Up to 50 weeks",
                    "Matches what the mother or main adopter would have been paid that week",
                ),
                ("Neonatal care", "Up to 12 weeks", "Full pay, added to the end of other family leave"),
                ("Unpaid parental", "18 weeks per child", "Unpaid; up to 4 weeks a year until the child turns 18"),
            ],
        ),
        h2("Telling us"),
        p(
            "Tell Bronwen Hesketh in writing by the end of the 15th week before the baby is due. You may change the date "
            "with 28 days' notice. During leave you may work up to 10 keeping-in-touch days, each paid at your normal "
            "daily rate however short it is."
        ),
        h2("Coming back"),
        p(
            "For the first 4 weeks after maternity, adoption or shared parental leave you work 80% of your hours for "
            "100% of your pay. Each site has a private room for feeding and expressing; at Bridge Mill it is the old "
            "dial store on the first floor."
        ),
        h2("Emergencies and bereavement"),
        p(
            "You may take up to 5 paid days a year to look after a dependant in an emergency. On the death of a partner, "
            "parent, child or sibling you have 10 paid days, and 3 for another relative or a close friend. Parents who "
            "lose a child under 18, or have a stillbirth after 24 weeks, have 4 weeks at full pay."
        ),
        h2("Appointments"),
        p(
            "Antenatal, adoption and fertility appointments are paid time for both partners, up to 10 half days each in "
            "a year. They are not taken from annual leave."
        ),
        note(
            "<b>In short.</b> Annual leave is yours to plan and is counted in days each leave year. Family leave is "
            "for a new child and is counted in weeks. Emergency leave is for the day nobody could have forecast. "
            "Taking one never reduces another."
        ),
        PageBreak(),
        h1("5. Sickness"),
        p(
            "If you are ill, telephone your manager before 09:00, or half an hour before your shift if that is earlier. "
            "A text message will do only if you have lost your voice. Up to 7 calendar days you certify yourself on the "
            "Glass; after that we need a fit note. Company sick pay depends on your service and is counted over any "
            "12 months."
        ),
        ruled(
            "Table 4. Company sick pay in any 12 months",
            (0.4, 0.3, 0.3),
            [
                ("Length of service", "Full pay", "Then half pay"),
                ("Under 6 months", "Statutory sick pay only", "None"),
                ("6 months to under 2 years", "4 weeks", "4 weeks"),
                ("2 years to under 5 years", "8 weeks", "8 weeks"),
                ("5 years or more", "13 weeks", "13 weeks"),
            ],
        ),
        p(
            "After any absence your manager sits down with you for a short conversation on the first day back. After 4 "
            "weeks away we offer an appointment with occupational health, and a return in stages over up to 6 weeks at "
            "full pay. A confidential counselling line is open day and night on 01632 960 155, with up to 8 sessions a "
            "year free of charge."
        ),
        h1("6. Health and safety"),
        p(
            "Anyone may stop any work they believe to be unsafe. Nobody has ever been in trouble for it. In an emergency "
            "dial <b>333</b> from any desk or bench telephone."
        ),
        ruled(
            "Table 5. First aid and assembly points",
            (0.15, 0.47, 0.38),
            [
                ("Site", "First aiders", "Assembly point"),
                ("Bridge Mill", "Nadia Thornbury, Piotr Lasecki, Gwen Abara", "The weighbridge, Mill Lane"),
                ("Leith", "Hamish Orrock, Lucia Fenwright", "The cobbled yard on Ropewalk Lane"),
                ("Bath", "Dev Channing", "The bandstand opposite the showroom"),
            ],
        ),
        h2("Mercury"),
        p(
            "We have made no mercury instruments since 2005, but Leith still services antique ones. Mercury is opened "
            "only in the Still Room, by staff who hold the company's mercury certificate, for no more than 90 minutes at "
            "a time. Certificate holders have a health check every 6 months. If mercury is spilt:"
        ),
        bullets(
            "Stop, warn the others and leave the room. Do not walk through the spill.",
            "Press the green extraction button by the door and shut the door behind you.",
            "Dial 333 and ask for Morag Dalgairn or her deputy.",
            "Never use a broom or a vacuum cleaner. Only the red spill kit, and only by certificate holders.",
            numbered=True,
        ),
        PageBreak(),
        h1("7. Conduct, concerns and leaving"),
        p(
            "Be kind, be careful and tell the truth about a mistake. We keep a shelf of spoiled dials by the canteen to "
            "show that everyone makes them; the Managing Director's is the one that reads <i>Stromy</i>."
        ),
        h2("Gifts"),
        p(
            "Gifts worth more than £40 from a supplier or customer must be declared on the Glass within 10 working days. "
            "Gifts of money are always refused. The same limit applies to gifts we give."
        ),
        h2("Other work"),
        p(
            "You may work elsewhere if you tell us first, if it is not for a maker of weather instruments, and if your "
            "hours in both jobs together stay within 48 a week. Anything you design in working time belongs to the "
            "company; if it goes into the catalogue you receive 2% of its sales for the first 3 years."
        ),
        h2("When conduct falls short"),
        p(
            "Most things are put right by talking. Where they are not, there are three steps, and you may bring a "
            "colleague or a union representative to each meeting:"
        ),
        bullets(
            "A first written warning, kept on file for 6 months.",
            "A final written warning, kept on file for 12 months.",
            "Dismissal, decided by a manager who was not part of the earlier steps.",
            numbered=True,
        ),
        h2("Raising a concern"),
        p(
            "Take a grievance to your manager first or, if it concerns them, to Bronwen Hesketh. You will have a hearing "
            "within 10 working days and a written answer 5 working days after it. You may appeal once. To report "
            "wrongdoing in confidence, write to Gwilym Strand, the trust's independent director, at "
            "speakup@fennimorewraye.example."
        ),
        h2("Leaving"),
        ruled(
            "Table 6. Notice to end employment, from either side",
            (0.5, 0.5),
            [
                ("Length of service", "Notice"),
                ("During probation", "1 week"),
                ("After probation, under 5 years", "4 weeks"),
                ("5 years to under 12 years", "1 week for each completed year"),
                ("12 years or more", "12 weeks"),
            ],
        ),
        p(
            "Before your last day, return your keys, tools, laptop and security keys to your site manager. Untaken leave "
            "is paid with your final salary."
        ),
        note(
            "<b>Barometer Day</b> is the first Saturday in June. The mill is open to anyone who has ever worked here, "
            "and there is a prize for the best forecast of the day's rainfall."
        ),
    ]


def build_handbook():
    target = OUT / "employee-handbook.pdf"
    Handbook(str(target)).multiBuild(handbook_story())
    return target


# ---------------------------------------------------------------------------------------------------------
# The expenses policy (DOCX)
# ---------------------------------------------------------------------------------------------------------


def shade(cell, colour):
    fill = OxmlElement("w:shd")
    fill.set(qn("w:val"), "clear")
    fill.set(qn("w:color"), "auto")
    fill.set(qn("w:fill"), colour)
    cell._tc.get_or_add_tcPr().append(fill)


def add_table(document, caption, widths, rows):
    document.add_paragraph(caption, style="Caption").paragraph_format.keep_with_next = True
    table = document.add_table(rows=0, cols=len(widths), style="Table Grid")
    table.alignment = WD_TABLE_ALIGNMENT.LEFT
    table.autofit = False
    for number, values in enumerate(rows):
        row = table.add_row()
        cant_split = OxmlElement("w:cantSplit")
        row._tr.get_or_add_trPr().append(cant_split)
        if number == 0:
            repeat = OxmlElement("w:tblHeader")
            row._tr.get_or_add_trPr().append(repeat)
        for cell, value, width in zip(row.cells, values, widths, strict=True):
            cell.width = Cm(width)
            paragraph = cell.paragraphs[0]
            paragraph.paragraph_format.space_before = paragraph.paragraph_format.space_after = Pt(3)
            paragraph.paragraph_format.keep_with_next = number < len(rows) - 1
            run = paragraph.add_run(curly(value))
            run.font.size = Pt(10)
            if number == 0:
                run.bold = True
                run.font.color.rgb = RGBColor(0xFF, 0xFF, 0xFF)
                shade(cell, "14454F")
    for column, width in zip(table.columns, widths, strict=True):
        column.width = Cm(width)
    document.add_paragraph().paragraph_format.space_after = Pt(0)


def add_page_number(paragraph):
    for kind, text in (("begin", None), (None, "PAGE"), ("separate", None), ("text", "1"), ("end", None)):
        run = paragraph.add_run()
        if kind == "text":
            run.text = text
        elif kind is None:
            instruction = OxmlElement("w:instrText")
            instruction.set(qn("xml:space"), "preserve")
            instruction.text = text
            run._r.append(instruction)
        else:
            mark = OxmlElement("w:fldChar")
            mark.set(qn("w:fldCharType"), kind)
            run._r.append(mark)


def styled_document():
    document = Document()
    properties = document.core_properties
    properties.title = "Expenses Policy"
    properties.author = properties.last_modified_by = COMPANY
    properties.subject = "In force from 1 April 2026"
    properties.comments = ""
    properties.language = "en-GB"
    properties.created = properties.modified = ISSUED
    section = document.sections[0]
    section.page_width, section.page_height = Cm(21), Cm(29.7)
    section.left_margin = section.right_margin = Cm(2.5)
    section.top_margin = section.bottom_margin = Cm(2.4)
    normal = document.styles["Normal"]
    normal.font.name, normal.font.size = "Georgia", Pt(10.5)
    normal.paragraph_format.space_after = Pt(7)
    normal.paragraph_format.line_spacing = 1.18
    for name, size in (("Title", 26), ("Heading 1", 15), ("Heading 2", 12), ("Caption", 9)):
        style = document.styles[name]
        fonts = style.element.get_or_add_rPr().get_or_add_rFonts()
        for theme in ("asciiTheme", "hAnsiTheme", "eastAsiaTheme", "cstheme"):
            fonts.attrib.pop(qn(f"w:{theme}"), None)
        style.font.name, style.font.size = "Arial", Pt(size)
        style.font.color.rgb = RGBColor(0x14, 0x45, 0x4F)
    for name in ("List Bullet", "List Number"):
        document.styles[name].paragraph_format.space_after = Pt(3)
    tabs = document.styles["Header"].paragraph_format.tab_stops
    tabs.clear_all()
    tabs.add_tab_stop(Cm(16), WD_TAB_ALIGNMENT.RIGHT)
    section.header.paragraphs[0].text = "Fennimore Wraye\tExpenses Policy"
    footer = section.footer.paragraphs[0]
    footer.alignment = WD_ALIGN_PARAGRAPH.CENTER
    footer.add_run("In force from 1 April 2026. Page ")
    add_page_number(footer)
    return document


def write_policy(doc):
    def para(*texts):
        for text in texts:
            doc.add_paragraph(curly(text))

    def listing(style, *items):
        for item in items:
            doc.add_paragraph(curly(item), style=style)

    doc.add_heading("Expenses Policy", 0)
    para(
        "Owner: Imogen Tarrent, Finance Director. Version 6. In force from 1 April 2026. This policy goes with the "
        "Employee Handbook and covers everyone employed by Fennimore Wraye at Bridge Mill, Leith and Bath."
    )

    doc.add_heading("1. The principle", 1)
    para(
        "Nobody should be out of pocket for doing their job, and nobody should be better off. Spend the company's "
        "money as carefully as you would spend your own on a wet Tuesday. If something sensible is not covered here, "
        "ask before you buy: Finance is on extension 225 and answers within one working day."
    )

    doc.add_heading("2. Travel", 1)
    doc.add_heading("Rail and air", 2)
    para(
        "Travel standard class by rail and book at least 7 days ahead where you can. First class may be booked only "
        "when the journey takes more than 3 hours 30 minutes and the ticket costs no more than £20 above the cheapest "
        "standard fare. Fly only when the train would take more than 6 hours, always in economy, with one hold bag."
    )
    doc.add_heading("Using your own vehicle", 2)
    para(
        "You need business insurance before you drive for work. Mileage is paid per mile and covers fuel, wear and "
        "insurance. Journeys between home and your usual site do not count."
    )
    add_table(
        doc,
        "Table 1. Mileage rates",
        (6.0, 5.0, 5.0),
        [
            ("Vehicle", "First 10,000 miles a year", "After 10,000 miles"),
            ("Car or van", "45p a mile", "25p a mile"),
            ("Motorcycle", "24p a mile", "24p a mile"),
            ("Bicycle", "20p a mile", "20p a mile"),
            ("Each colleague carried", "5p a mile extra", "5p a mile extra"),
        ],
    )
    doc.add_heading("Taxis", 2)
    para(
        "Take a taxi when you carry an instrument worth more than £500, when you finish after 21:30, or when there is "
        "no other safe way. A single taxi journey above £40 needs your manager's agreement first."
    )

    doc.add_heading("3. Hotels", 1)
    para(
        "Book through the Bath order desk, which holds our agreed rates. The limits below are for one night in a "
        "single room with VAT and breakfast included. If nothing can be found within the limit, the order desk may "
        "approve up to 15% more; beyond that, ask Imogen Tarrent."
    )
    add_table(
        doc,
        "Table 2. Hotel limits by city, for one night",
        (8.0, 4.0, 4.0),
        [
            ("City", "Limit", "During a trade fair"),
            ("London", "£185", "£220"),
            ("Edinburgh", "£150", "£195"),
            ("Bath", "£140", "£140"),
            ("Manchester, Birmingham and Bristol", "£125", "£145"),
            ("Anywhere else in the UK", "£105", "£120"),
            ("Paris, Amsterdam and Copenhagen", "£170", "£210"),
            ("Anywhere else abroad", "£145", "£165"),
        ],
    )
    para(
        "If you stay with friends or family instead, you may claim £30 a night without a receipt and spend it on a "
        "present for them. Small personal costs on a night away, such as laundry or a call home, are covered by £5 a "
        "night in the UK and £10 a night abroad."
    )

    doc.add_heading("4. Meals and hospitality", 1)
    para(
        "Meals are paid at cost, up to the limits below, when you are away from your usual site for more than 5 "
        "hours. Breakfast may be claimed only if you leave home before 06:30 and it is not in the price of the hotel."
    )
    add_table(
        doc,
        "Table 3. Meal limits for each person",
        (6.0, 4.0, 6.0),
        [
            ("Meal", "Limit", "Condition"),
            ("Breakfast", "£12", "Leaving home before 06:30"),
            ("Lunch", "£15", "Away for more than 5 hours"),
            ("Dinner", "£32", "Away overnight or home after 20:00"),
            ("Guests of the company", "£48 a head", "Names of all guests on the claim"),
        ],
    )
    para(
        "Alcohol may be claimed only as part of a meal with guests, and then no more than £12 a head within the "
        "limit. Each team has £35 a person a year for a celebration, spent as the team likes."
    )

    doc.add_heading("5. Working from home and equipment", 1)
    para(
        "Once your probation has ended and you have agreed to work from home, you may claim up to £300, once, for a "
        "desk and chair. Laptops, screens and security keys come from the IT service desk and are never claimed. We "
        "pay for an eye test up to £30 every 2 years and up to £70 towards glasses needed for screen or bench work."
    )

    doc.add_heading("6. What we do not pay", 1)
    listing(
        "List Bullet",
        "Fines, penalty fares and parking tickets.",
        "Travel between home and your usual site.",
        "Room upgrades, films and minibars.",
        "Gifts to suppliers or customers above £40, in line with section 7 of the Employee Handbook.",
        "Software and online subscriptions, which are bought by IT.",
    )

    doc.add_heading("7. How to claim", 1)
    listing(
        "List Number",
        "Photograph the receipt on the day. A card slip alone is not a receipt.",
        "Open the claim form on the Glass and choose the right heading and site.",
        "Send the claim within 45 days of spending the money. Later claims need the Finance Director's agreement.",
        "Your approver has 5 working days to answer.",
        "Claims approved by the 15th are paid with that month's salary, on the 26th.",
    )
    para(
        "If a receipt is lost you may sign a declaration instead, for amounts up to £25 and no more than "
        "3 times a year."
    )
    add_table(
        doc,
        "Table 4. Who approves",
        (6.0, 10.0),
        [
            ("Amount of the claim", "Approver"),
            ("Up to £250", "Your line manager"),
            ("£250.01 to £1,500", "Your site manager"),
            ("Above £1,500", "Imogen Tarrent, Finance Director"),
        ],
    )

    doc.add_heading("8. Company cards and advances", 1)
    para(
        "People who travel more than 10 days a year may hold a company card with a monthly limit of £800. Statements "
        "are matched to receipts by the 8th of the next month; a card with 2 late statements is withdrawn for 3 "
        "months. Anyone may ask Finance for an advance of up to £200 before a journey, with 5 working days' notice."
    )
    para("A false claim is treated as dishonesty. An honest mistake is not: tell Finance and put it right.")


def build_policy():
    document = styled_document()
    write_policy(document)
    raw = io.BytesIO()
    document.save(raw)
    target = OUT / "expenses-policy.docx"
    with zipfile.ZipFile(raw) as source, zipfile.ZipFile(target, "w", zipfile.ZIP_DEFLATED) as result:
        for name in source.namelist():  # same entries, one fixed date
            entry = zipfile.ZipInfo(name, date_time=ISSUED.timetuple()[:6])
            entry.compress_type = zipfile.ZIP_DEFLATED
            result.writestr(entry, source.read(name))
    return target


if __name__ == "__main__":
    OUT.mkdir(exist_ok=True)
    for path in (build_handbook(), build_policy()):
        print(f"{path.name}: {path.stat().st_size} bytes")
