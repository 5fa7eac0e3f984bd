# The manual, the completions of the shells, the editor's schema and the schedules.

bats_require_minimum_version 1.5.0

setup() {
    PATH=$ROLLCALL_BIN:$PATH
    cd "$ROLLCALL_SOURCE" || return 1
}

# completes_bash WORD...: what bash offers for the last of these words.
completes_bash() {
    bash -c 'compopt() { :; }
        source cmd/rollcall/completions/rollcall.bash
        COMP_WORDS=("$@") COMP_CWORD=$(($# - 1))
        _rollcall
        printf "%s\n" "${COMPREPLY[@]}"' completes rollcall "$@"
}

@test "the manual pages are free of warnings and have a name that can be looked up" {
    local page
    for page in cmd/rollcall/rollcall.1 cmd/acs-identity-emulator/acs-identity-emulator.1 lib/spec/rollcall-job.5; do
        run --separate-stderr groff -man -Tutf8 -ww -Wbreak -z "$page"
        echo "$stderr"
        [ "$status" -eq 0 ] && [ -z "$stderr" ]
        grep -q "^$(basename "${page%.*}" | sed 's/-/\\\\-/g') \\\\- " "$page"
    done
}

@test "every command says how it is used" {
    local command
    [ "$(rollcall --help | sed -n 's/^  \([a-z]*\) .*/\1/p' | wc -l)" -ge 10 ]
    for command in $(rollcall --help | sed -n 's/^  \([a-z]*\) .*/\1/p'); do
        run --separate-stderr rollcall "$command" --help
        [ "$status" -eq 0 ] && [ -z "$stderr" ]
        [[ $output == "usage: rollcall $command JOB.yaml"* ]]
    done
}

@test "bash completes commands, their options and the words of an option" {
    [[ $(completes_bash "" | xargs) == *"validate doctor plan run status"* ]]
    [ "$(completes_bash export --f)" = "--format" ]
    [ "$(completes_bash export --format n)" = "ndjson" ]
    [ "$(completes_bash plan --exit)" = "--exit-code" ]
    [ -z "$(completes_bash status --exit)" ]
}

@test "fish completes commands, their options and the words of an option" {
    completes_fish() {
        fish --no-config -c 'source cmd/rollcall/completions/rollcall.fish; complete -C "$argv[1]"' "$1" | cut -f1
    }
    [ "$(completes_fish 'rollcall va')" = "validate" ]
    [ "$(completes_fish 'rollcall plan --exit')" = "--exit-code" ]
    [ "$(completes_fish 'rollcall export --format nd')" = "ndjson" ]
    [ -z "$(completes_fish 'rollcall status --exit')" ]
}

@test "zsh completes commands, their options and the words of an option" {
    completes_zsh() {
        zsh -f -c '_arguments() { print -rl -- "$@" }
            _describe() { print -rl -- $subcommands }
            words=("$@") CURRENT=$#
            source cmd/rollcall/completions/_rollcall' completes rollcall "$@"
    }
    completes_zsh "" | grep -q '^validate:'
    completes_zsh export "" | grep -q '^\*--format\[.*\]:value:(csv ndjson)$'
    completes_zsh plan "" | grep -q '^\*--exit-code\['
    run -1 grep -q 'exit-code' <(completes_zsh status "")
}

@test "the editor's schema takes every job, and not one with a mistake in it" {
    local job
    for job in jobs/*.yaml jobs/regions/*.yaml; do
        [ "${job%/*}/$(sed -n '1s/^# yaml-language-server: $schema=//p' "$job")" -ef jobs/rollcall.schema.json ]
        /usr/bin/python3 tests/cli/check_schema.py jobs/rollcall.schema.json "$job"
        sed 's/^rules:/rulez:/' "$job" >"$BATS_TEST_TMPDIR/wrong.yaml"
        run -1 /usr/bin/python3 tests/cli/check_schema.py jobs/rollcall.schema.json "$BATS_TEST_TMPDIR/wrong.yaml"
    done
}

@test "systemd accepts the service and its timer, and finds the service well protected" {
    sed "s|/usr/bin/rollcall|$ROLLCALL_BIN/rollcall|" jobs/systemd/rollcall-rotate.service \
        >"$BATS_TEST_TMPDIR/rollcall-rotate.service"
    cp jobs/systemd/rollcall-rotate.timer "$BATS_TEST_TMPDIR"
    run --separate-stderr systemd-analyze verify --man=no "$BATS_TEST_TMPDIR"/rollcall-rotate.{service,timer}
    echo "$output $stderr"
    [ "$status" -eq 0 ] && [ -z "$output$stderr" ]
    systemd-analyze security --offline=true --threshold=20 "$BATS_TEST_TMPDIR/rollcall-rotate.service"
    systemd-analyze calendar "$(sed -n 's/^OnCalendar=//p' jobs/systemd/rollcall-rotate.timer)"
}

@test "the schedule for Kubernetes is one CronJob that runs the rotation as it is" {
    /usr/bin/python3 - jobs/kubernetes/rotate-cronjob.yaml <<'END'
import sys, yaml
(job,) = yaml.safe_load_all(open(sys.argv[1]))
assert (job["apiVersion"], job["kind"]) == ("batch/v1", "CronJob")
(container,) = job["spec"]["jobTemplate"]["spec"]["template"]["spec"]["containers"]
assert container["args"] == ["rollcall", "run", "/data/jobs/rotate.yaml"]
volumes = {volume["name"] for volume in job["spec"]["jobTemplate"]["spec"]["template"]["spec"]["volumes"]}
assert {mount["name"] for mount in container["volumeMounts"]} == volumes
END
}

@test "Kubernetes finds the volume and the secret that the schedule names" {
    /usr/bin/python3 - jobs/kubernetes <<'END'
import pathlib, re, sys, yaml
folder = pathlib.Path(sys.argv[1])
text = (folder / "rotate-cronjob.yaml").read_text()
pod = yaml.safe_load(text)["spec"]["jobTemplate"]["spec"]["template"]["spec"]
claims = [volume["persistentVolumeClaim"]["claimName"] for volume in pod["volumes"] if "persistentVolumeClaim" in volume]
claim = yaml.safe_load((folder / "volume.yaml").read_text())
assert (claim["apiVersion"], claim["kind"]) == ("v1", "PersistentVolumeClaim")
assert claims == [claim["metadata"]["name"]]
(variable,) = pod["containers"][0]["env"]
reference = variable["valueFrom"]["secretKeyRef"]
assert f"kubectl create secret generic {reference['name']} --from-file={reference['key']}" in text
(configured,) = [volume["configMap"]["name"] for volume in pod["volumes"] if "configMap" in volume]
assert f"kubectl create configmap {configured} " in text
END
}

@test "every command and option in the guides and in the README is one that the program has" {
    local command options option
    while read -r command options; do
        run rollcall "$command" --help
        [ "$status" -eq 0 ] || { echo "no command $command"; return 1; }
        for option in $(grep -oE -- '--[a-z-]+' <<<"$options"); do
            [[ $output == *"$option"* ]] || { echo "$command has no $option"; return 1; }
        done
    done < <(grep -ohE '\brollcall +[a-z]+ +[^`#(]*(JOB|jobs/[a-z-]+)\.yaml[^`#(]*' README.md jobs/README.md jobs/guide/*.md |
        sed 's/^rollcall *//')
}

@test "every link in the documents leads somewhere" {
    local page link
    for page in README.md CHANGELOG.md jobs/README.md jobs/guide/*.md samples/README.md tests/README.md; do
        while read -r link; do
            [ -e "$(dirname "$page")/${link%%#*}" ] || { echo "$page: $link"; return 1; }
        done < <(grep -oE '\]\([^):]+\)' "$page" | sed 's/^](//; s/)$//; /^#/d')
    done
}
