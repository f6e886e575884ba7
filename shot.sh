# shot file out width height scheme
F=""; [ "$5" = dark ] && F="--force-dark-mode --blink-settings=preferredColorScheme=0"
D=$(mktemp -d); timeout 60 chromium --headless --no-sandbox --disable-gpu --disable-quic --no-first-run --disable-background-networking --disable-component-update --disable-sync --user-data-dir=$D --hide-scrollbars $F --window-size=$3,$4 --screenshot=$2 file://$1 2>/dev/null >/dev/null; rm -rf $D
