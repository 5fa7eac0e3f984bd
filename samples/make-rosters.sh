#!/usr/bin/env bash
# make-rosters.sh - the rosters of one made-up company over four days; the same bytes every time.
#
# usage: samples/make-rosters.sh [DIRECTORY]     (default: the directory of this script)
#
#   users.csv       day 1: 1,000 people
#   day2.csv        14 joined, 6 left, 20 moved to another department
#   day3.csv        9 changed their passwords
#   day4.csv        the export of day 4, cut in half on its way
#   day4-right.csv  the same as it should be: 12 left, and one of those who left on day 2 is back
set -euo pipefail

directory=${1:-$(dirname "${BASH_SOURCE[0]}")}

# roster DAY: to standard output.
roster() {
    LC_ALL=C awk -v day="$1" '
    # A generator of our own: that of awk differs from one awk to the next. Below 2^53 at every step.
    function random(below) {
        seed = (seed * 16807) % 2147483647
        return seed % below
    }
    function quoted(text) {
        if (text !~ /[",]/)
            return text
        gsub(/"/, "\"\"", text)
        return "\"" text "\""
    }
    # For an address: umlauts as one writes them without.
    function plain(text) {
        text = tolower(text)
        gsub(/ä/, "ae", text); gsub(/ö/, "oe", text); gsub(/Ö/, "oe", text); gsub(/ü/, "ue", text)
        gsub(/Ü/, "ue", text); gsub(/ß/, "ss", text); gsub(/ë/, "e", text); gsub(/é/, "e", text)
        gsub(/í/, "i", text); gsub(/ø/, "o", text); gsub(/ñ/, "n", text); gsub(/ń/, "n", text)
        gsub(/ć/, "c", text)
        return text
    }
    # Some people write their names in a way of their own.
    function shown(i, first, last) {
        if (i == 1) return "Switchboard, Head Office"
        if (i % 97 == 5) return last ", " first
        if (i % 89 == 7) return first " \"" substr(first, 1, 1) "J\" " last
        return first " " last
    }
    function date(day_of_year, second,    month, length_of) {
        split("31 28 31 30 31 30 31 31 30 31 30 31", length_of, " ")
        for (month = 1; day_of_year > length_of[month]; month++)
            day_of_year -= length_of[month]
        return sprintf("2025-%02d-%02dT%02d:%02d:%02dZ", month, day_of_year, second / 3600, second / 60 % 60,
                       second % 60)
    }
    function is_there(i) {
        if (i == 233) return day == 1 || day == 4       # left, and came back
        if (i > 1000) return day >= 2                   # joined
        if (i % 180 == 113 && i < 900) return day == 1  # left on day 2
        if (i % 83 == 47) return day < 4                # left on day 4
        return 1
    }
    BEGIN {
        seed = 20250901
        firsts = split("Anna Ben Cleo Dora Emil Fatima Georg Hana Igor Jörg Katarzyna Liam Mara Nils Olga Paul " \
                       "Quentin Rosa Søren Tariq Ulla Vera Wei Xenia Yusuf Zoë Amélie Begoña Chidi Dilek", first, " ")
        lasts = split("Abbott Bauer Castillo Dvorak Eriksen Fischer García Haddad Ivanova Jansen Kowalski Lindqvist " \
                      "Müller Nakamura O\047Brien Öztürk Petrović Quiroga Rossi Schäfer Tanaka Ünal Varga Weiß " \
                      "Xu Yilmaz Zieliński D\047Angelo Okafor Peña", last, " ")
        departments = split("Sales|Service|Engineering|Finance|Legal & Compliance|Research, Applied|People|Logistics",
                            department, "|")
        print "user_id,display_name,department,password_changed_at"
        for (i = 1; i <= 1014; i++) {
            f = first[random(firsts) + 1]
            l = last[random(lasts) + 1]
            address = plain(f) "." plain(l)
            same[address]++
            if (same[address] > 1)
                address = address same[address]
            if (i == 1)                                 # not a person: what limits.protect is for
                address = "switchboard"
            d = random(departments)
            if (i % 50 == 21 && day >= 2)
                d = (d + 3) % departments
            changed = date(random(243) + 1, random(86400))
            if (i == 1 || i % 40 == 12)                 # no password: signs in with a card
                changed = ""
            if (i % 109 == 60 && day >= 3)
                changed = date(246, 28800 + i * 7)
            if (is_there(i))
                print quoted(address "@contoso.example") "," quoted(shown(i, f, l)) "," quoted(department[d + 1]) "," changed
        }
    }'
}

roster 1 >"$directory/users.csv"
roster 2 >"$directory/day2.csv"
roster 3 >"$directory/day3.csv"
roster 4 >"$directory/day4-right.csv"
head -n "$(($(wc -l <"$directory/day4-right.csv") / 2))" "$directory/day4-right.csv" >"$directory/day4.csv"
