import sqlite3
import threading

import pytest
from sqlalchemy import event, inspect

from docmind.errors import ConfigError, StoreError
from docmind.storage import schema
from docmind.storage.database import Database
from docmind.storage.documents import Failure


def columns(inspector, table):
    """What a table's columns are, in a form that can be compared."""
    keys = set(inspector.get_pk_constraint(table)["constrained_columns"])
    found = {}
    for column in inspector.get_columns(table):
        found[column["name"]] = (str(column["type"]), column["nullable"], column["name"] in keys)
    return found


def test_the_migrations_make_the_tables_that_the_code_expects(database, tmp_path):
    expected = Database(tmp_path / "expected.sqlite3")
    with expected.write() as connection:
        schema.metadata.drop_all(connection)
        schema.metadata.create_all(connection)
    made = inspect(database.engine)
    wanted = inspect(expected.engine)
    assert set(made.get_table_names()) == set(wanted.get_table_names())
    for table in schema.metadata.tables:
        assert columns(made, table) == columns(wanted, table), table
        assert made.get_indexes(table) == wanted.get_indexes(table), table
    expected.close()


def test_a_file_that_is_no_database_says_what_to_do(tmp_path):
    path = tmp_path / "docmind.sqlite3"
    path.write_bytes(b"not a database at all " * 100)
    with pytest.raises(ConfigError, match=r"can't be opened .*move it away"):
        Database(path)
    assert path.read_bytes() == b"not a database at all " * 100


def test_what_fails_in_the_middle_of_a_write_leaves_nothing(database, documents):
    documents.add("a", name="a.txt", size=1, suffix=".txt")

    def delete_and_fail():
        with database.write() as connection:
            connection.execute(schema.documents.delete())
            raise ZeroDivisionError

    with pytest.raises(ZeroDivisionError):
        delete_and_fail()
    assert [document.id for document in documents.all()] == ["a"]


def test_a_full_disk_is_a_reason_that_says_what_to_do(database, documents):
    documents.add("a", name="a.txt", size=1, suffix=".txt")
    event.listen(database.engine, "connect", lambda db, _: db.execute("PRAGMA max_page_count = 1"))
    database.close()
    with pytest.raises(StoreError, match=r"is full.*Free disk space"):
        documents.fail("a", Failure.UNREADABLE, reason="word " * 50_000)
    assert documents.get("a").state == "queued"


def test_many_threads_write_at_once(database, documents):
    def add(number):
        documents.add(str(number), name="report.txt", size=1, suffix=".txt")

    threads = [threading.Thread(target=add, args=(number,)) for number in range(20)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    names = {document.name for document in documents.all()}
    assert len(names) == 20
    assert "report (20).txt" in names


def test_the_database_shares_its_file_with_others(database, documents):
    with sqlite3.connect(database.engine.url.database) as other:
        other.execute("CREATE TABLE scribbles (text TEXT)")
        other.execute("INSERT INTO scribbles VALUES ('x')")
    documents.add("a", name="a.txt", size=1, suffix=".txt")
    assert len(documents.all()) == 1
