"""Who is there beside whom."""

from runtime.company import Company


def test_one_is_alone_until_another_speaks_and_again_when_one_falls_silent():
    company = Company()
    company.heard("flood", 0)
    assert not company.there(0)
    company.heard("site", 5)
    assert company.there(5)
    company.heard("flood", 14)
    assert company.there(14.9)
    assert not company.there(15)
    company.heard("site", 16)
    assert company.there(16)


def test_it_keeps_nobody_in_mind_who_is_silent():
    company = Company()
    for number in range(1000):
        company.heard(f"key-{number}", number)
        company.there(number)
    assert len(company._heard) <= 10
