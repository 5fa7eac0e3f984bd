# packages.bash - installs what is missing; sourced by samples/quickstart.sh, tests/run.sh and the benchmarks.

# What building takes, and what tests and benchmarks take on top of it, by the names of Debian 12.
# shellcheck disable=SC2034 # for those who source this
build_packages=(build-essential cmake ninja-build pkg-config libcurl4-openssl-dev libssl-dev libcsv-dev libyaml-dev
    libpq-dev libsqlite3-dev libjansson-dev libmicrohttpd-dev libgnutls28-dev libxxhash-dev)
# shellcheck disable=SC2034
test_packages=(
    bats
    bsdutils
    ca-certificates
    chromium # looks at the report as its readers do
    clang
    clang-format-14
    clang-tidy
    cppcheck
    curl
    debootstrap
    file
    fish
    gcovr
    groff-base
    jq
    libclang-rt-14-dev
    libcmocka-dev
    lintian
    nginx
    nodejs
    npm
    openssl
    postgresql
    prometheus # promtool checks metrics and alerts
    python3
    python3-jsonschema
    python3-yaml
    shellcheck
    sqlite3
    systemd
    universal-ctags
    valgrind
    zsh
)
# shellcheck disable=SC2034
bench_packages=(curl jq nodejs npm openssl time wrk)

# install_packages NAME...: asks the package manager only when one of them is not there.
install_packages() {
    local name missing=() as_root=()
    for name in "$@"; do
        # A command of that name will do: it may come from elsewhere, as node's own packages bring npm along.
        type -P "$name" >/dev/null || [[ $(dpkg-query -W -f='${db:Status-Abbrev}' "$name" 2>/dev/null) == ii* ]] ||
            missing+=("$name")
    done
    [ ${#missing[@]} -gt 0 ] || return 0
    echo "installing ${missing[*]}"
    if [ "$(id -u)" -ne 0 ]; then
        as_root=(sudo)
        if ! command -v sudo >/dev/null; then
            echo "these are missing, and installing them takes root or sudo" >&2
            return 1
        fi
    fi
    # Tests run these by themselves: their services must not begin, and take a port.
    for name in nginx postgresql; do
        if [[ " ${missing[*]} " == *" $name "* && -d /run/systemd/system ]]; then
            "${as_root[@]}" systemctl mask --quiet "$name.service"
        fi
    done
    "${as_root[@]}" apt-get update -qq </dev/null
    "${as_root[@]}" env DEBIAN_FRONTEND=noninteractive RUNLEVEL=1 apt-get install -y -qq --no-install-recommends "${missing[@]}" \
        </dev/null >/dev/null
}
