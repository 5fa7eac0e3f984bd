# The package for Debian, and `cmake --install`.

bats_require_minimum_version 1.5.0

# The package is built once, and unpacked.
setup_file() {
    export PACKAGE_ROOT=$BATS_FILE_TMPDIR/root
    cd "$ROLLCALL_BIN" || return 1
    cpack -G DEB -B "$BATS_FILE_TMPDIR" >"$BATS_FILE_TMPDIR/log" 2>&1 || { cat "$BATS_FILE_TMPDIR/log" >&2; return 1; }
    PACKAGE=$(echo "$BATS_FILE_TMPDIR"/rollcall_*.deb)
    export PACKAGE
    dpkg -x "$PACKAGE" "$PACKAGE_ROOT"
}

field() {
    dpkg-deb -f "$PACKAGE" "$1"
}

@test "the package is named after its version and architecture" {
    local version
    version=$("$ROLLCALL_BIN/rollcall" --version)
    [ "$(basename "$PACKAGE")" = "rollcall_${version#rollcall }_$(dpkg --print-architecture).deb" ]
    [ "$(field Package)" = rollcall ]
    [ "rollcall $(field Version)" = "$version" ]
}

@test "the package depends on every library that its programs need, and on certificates to trust" {
    local name
    for name in ca-certificates libc6 libcsv3 libcurl4 libgnutls30 libjansson4 libmicrohttpd12 libpq5 libsqlite3-0 libssl3 \
        libyaml-0-2; do
        [[ ", $(field Depends)," =~ ,\ ${name}[\ ,] ]] || { echo "no $name in: $(field Depends)"; return 1; }
    done
}

@test "the package holds the programs, the jobs, the samples and the documents" {
    local name
    for name in bin/rollcall bin/acs-identity-emulator share/rollcall/jobs/onboard.yaml \
        share/rollcall/jobs/rollcall.schema.json share/rollcall/jobs/REFERENCE.md share/rollcall/samples/users.csv \
        share/rollcall/jobs/{systemd/rollcall-rotate.{service,timer},cron/rollcall,kubernetes/rotate-cronjob.yaml} \
        share/rollcall/jobs/{kubernetes/volume.yaml,prometheus/alerts.yaml,guide/{onboard,rotate,offboard}.md} \
        share/doc/rollcall/README.md share/doc/rollcall/changelog.gz share/doc/rollcall/copyright \
        share/man/man1/rollcall.1.gz share/man/man1/acs-identity-emulator.1.gz share/man/man5/rollcall-job.5.gz \
        share/bash-completion/completions/rollcall share/zsh/vendor-completions/_rollcall \
        share/fish/vendor_completions.d/rollcall.fish; do
        [ -f "$PACKAGE_ROOT/usr/$name" ] || { echo "no $name"; return 1; }
    done
    [ -z "$(find "$PACKAGE_ROOT" -name '*.sh' -o -name '*.a' -o -name '*.h')" ]
}

@test "everything in the package belongs to root and can be read by all" {
    run -1 grep -vE '^([d-]rwxr-xr-x|-rw-r--r--) root/root ' <(dpkg-deb -c "$PACKAGE")
}

@test "nothing in the package knows where it was built" {
    load helper
    ! is_sanitized || skip "a sanitizer names the lines of its findings"
    run -1 grep -rlF "$ROLLCALL_SOURCE" "$PACKAGE_ROOT"
}

@test "the programs of the package run" {
    [[ $("$PACKAGE_ROOT/usr/bin/rollcall" --version) == rollcall* ]]
    "$PACKAGE_ROOT/usr/bin/acs-identity-emulator" --version
}

@test "every job of the package is valid beside its samples" {
    local job
    for job in "$PACKAGE_ROOT"/usr/share/rollcall/jobs/{,regions/}*.yaml; do
        "$PACKAGE_ROOT/usr/bin/rollcall" validate --no-secrets "$job"
    done
}

@test "lintian finds no error in the package" {
    # Errors alone: an upstream package has no Debian changelog.
    TMPDIR=$BATS_TEST_TMPDIR run lintian --fail-on error --tag-display-limit 0 "$PACKAGE"
    echo "$output"
    [ "$status" -eq 0 ]
}

@test "cmake --install puts the same files under any prefix" {
    cmake --install "$ROLLCALL_BIN" --prefix "$BATS_TEST_TMPDIR/usr" >/dev/null
    diff <(cd "$BATS_TEST_TMPDIR/usr" && find . | sort) <(cd "$PACKAGE_ROOT/usr" && find . | sort)
}
