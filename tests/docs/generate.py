"""Make the generated pages of docs/ anew (`make docs`). That they are current is tests/unit/test_reference_pages.py."""

from tools import docs

if __name__ == "__main__":
    docs.write()
