# SPDX-License-Identifier: Apache-2.0
# Print LAYER/DEPENDENCY words from layers.txt, transitively closed, for the Makefile.
/^#/ || NF < 3 { next }
{
	sub(/^user\//, "", $1)
	for (i = 3; i <= NF; i++) {
		if ($i !~ /^user\//)
			continue
		d = $i
		sub(/^user\//, "", d)
		closed[$1] = closed[$1] " " d closed[d]
	}
	n = split(closed[$1], all, " ")
	closed[$1] = ""
	for (i = 1; i <= n; i++) {
		if (!(($1, all[i]) in seen)) {
			seen[$1, all[i]]
			closed[$1] = closed[$1] " " all[i]
			print $1 "/" all[i]
		}
	}
}
