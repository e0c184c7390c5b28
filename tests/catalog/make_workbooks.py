"""Workbooks as other programs write them, into the folder that is the only argument. Made with openpyxl."""
import datetime
import pathlib
import sys

from openpyxl import Workbook
from openpyxl.chart import BarChart
from openpyxl.styles import NamedStyle

FOLDER = pathlib.Path(sys.argv[1])


def of_everything():
    book = Workbook()
    tab = book.active
    tab.title = "Campaign"
    tab.append(["Title", "Script", "Image URL", "Price", "Starts", "Discount", "At", "Sold out", "Link"])
    tab.append(["Crème brûlée 🍮", "Line one\nline two", "https://x/1.png", 1234.5,
                datetime.date(2026, 11, 29), 0.25, datetime.time(14, 30), True, "See"])
    tab["D2"].number_format = '"$"#,##0.00'
    tab["E2"].number_format = "d mmm yyyy"
    tab["F2"].number_format = "0%"
    tab["G2"].number_format = "h:mm AM/PM"
    tab["I2"].hyperlink = "https://example.com"
    tab["A4"] = "  Two  "
    tab["B4"] = "Say <two> & \"more\""
    tab["D4"] = 7
    tab["E4"] = datetime.datetime(2026, 1, 2, 3, 4, 5)
    tab.merge_cells("A6:C6")
    tab["A6"] = "Merged"
    tab["Z2"].number_format = "0.00"  # A format alone is no value.
    hidden = book.create_sheet("Hidden", 0)
    hidden.sheet_state = "hidden"
    hidden["A1"] = "nobody sees this"
    second = book.create_sheet("Spring sale")
    second.append(["Other", "Say it", "https://x/3.png"])
    chart = book.create_chartsheet("Chart")
    chart.add_chart(BarChart())
    book.save(FOLDER / "everything.xlsx")


def never_calculated():
    book = Workbook()
    book.active.append(["Title", "Script", "Image"])
    book.active.append(["One", "=A2&\"!\"", "https://x/1.png"])
    book.save(FOLDER / "formula.xlsx")


def since_1904():
    book = Workbook()
    book.epoch = datetime.datetime(1904, 1, 1)
    book.active.append(["T", "S", "https://x/1.png", datetime.date(2026, 11, 29)])
    book.save(FOLDER / "1904.xlsx")


def large():
    book = Workbook(write_only=True)
    tab = book.create_sheet("Rows")
    tab.append(["Title", "Script", "Image", "Price", "Badge"])
    for row in range(10_000):
        tab.append([f"Product {row}", f"Say something about product {row}, at some length.",
                    f"https://cdn.example.com/{row}.jpg", row / 100, "New" if row % 2 else "Sale"])
    book.save(FOLDER / "large.xlsx")


of_everything()
never_calculated()
since_1904()
large()
