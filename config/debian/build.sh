#!/bin/sh
# build.sh SOURCE BUILD VERSION - a Debian package, by make deb
#
# Configures and builds with Debian's flags in BUILD/deb, installs into a root of
# its own, adds what a package has, and leaves BUILD/backpropd_VERSION_ARCH.deb.
set -eu

source=$1 build=$2 version=$3
work=$build/deb
root=$work/root
arch=$(dpkg --print-architecture)
deb=$build/backpropd_${version}_$arch.deb
epoch=${SOURCE_DATE_EPOCH:-$(dpkg-parsechangelog -l "$source/config/debian/changelog" -S Timestamp)}

rm -rf "$root" && mkdir -p "$work/debian" "$root"
cd "$work"
eval "$(DEB_BUILD_MAINT_OPTIONS=hardening=+all dpkg-buildflags --export=sh)"
[ -f Makefile ] || "$source/configure" -q --prefix=/usr --sysconfdir=/etc \
    --disable-tests --enable-hardening
make -s -j"$(nproc)" all
make -s install-strip DESTDIR="$root" unitdir=/lib/systemd/system

doc=$root/usr/share/doc/backpropd
install -m 644 "$source/config/debian/copyright" "$doc/copyright"
sed "1s/(.*)/($version)/" "$source/config/debian/changelog" |
    gzip -9n >"$doc/changelog.gz"
chmod 644 "$doc/changelog.gz"
gzip -9n "$root/usr/share/man/man8/backpropd.8"

# What it links to, as a field.
cp "$source/config/debian/control" debian/control
depends=$(dpkg-shlibdeps -O "$root/usr/bin/backpropd" 2>/dev/null |
    sed -n 's/^shlibs:Depends=//p')
[ -n "$depends" ] || { echo "no dependencies were found" >&2; exit 1; }

mkdir -p "$root/DEBIAN"
(cd "$root" && find usr lib -type f -exec md5sum {} +) |
    LC_ALL=C sort -k 2 >"$root/DEBIAN/md5sums"
(cd "$root" && find etc -type f -printf '/%p\n') >"$root/DEBIAN/conffiles"
for script in postinst prerm postrm; do
    install -m 755 "$source/config/debian/$script" "$root/DEBIAN/$script"
done
awk -v version="$version" -v arch="$arch" -v depends="$depends" \
    -v size="$(du -sk --exclude=DEBIAN "$root" | cut -f1)" '
    /^Source:|^Build-Depends:|^Standards-Version:|^Rules-/ { next }
    /^$/ { next }
    /^Architecture:/ {
        print "Version: " version
        print "Architecture: " arch
        print "Installed-Size: " size
        next
    }
    { sub(/\$\{shlibs:Depends\}/, depends); print }
' debian/control >"$root/DEBIAN/control"
find "$root" -newermt "@$epoch" -exec touch -hd "@$epoch" {} +
chmod -R u+w,go=rX "$root"
SOURCE_DATE_EPOCH=$epoch dpkg-deb --root-owner-group -Zxz --build "$root" "$deb"
