"""`python -m restora` is `restora`."""

from restora.app.cli import main

main()
