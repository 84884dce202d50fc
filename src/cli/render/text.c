#include "cli/render/text.h"

#include <string.h>
#include <wchar.h>

#include "core/base/str.h"

unsigned vm_char_width(uint32_t c)
{
	if (c < 0x300)
		return 1;
	int w = wcwidth((wchar_t)c);
	return w < 0 ? 1 : (unsigned)w;
}

size_t vm_text_width(const char *s, size_t len)
{
	size_t width = 0;
	for (size_t i = 0; i < len;) {
		if ((unsigned char)s[i] < 0x80) {
			width++;
			i++;
			continue;
		}
		size_t used;
		uint32_t c = vm_utf8_next(s + i, len - i, &used);
		width += c ? vm_char_width(c) : 1;
		i += used;
	}
	return width;
}

size_t vm_text_fit(const char *s, size_t len, size_t columns)
{
	size_t width = 0, i = 0;
	while (i < len) {
		size_t used;
		uint32_t c = vm_utf8_next(s + i, len - i, &used);
		width += c ? vm_char_width(c) : 1;
		if (width > columns)
			break;
		i += used;
	}
	return i;
}

/** Where the longest end of s[0..len), `width` columns wide, begins that fits into `columns`. */
static size_t fitting_end(const char *s, size_t len, size_t width, size_t columns)
{
	size_t i = 0;
	while (i < len && width > columns) {
		size_t used;
		uint32_t c = vm_utf8_next(s + i, len - i, &used);
		width -= c ? vm_char_width(c) : 1;
		i += used;
	}
	return i;
}

/** Without what the kernel adds to the name of a file that is gone (d_path()), which is marked as cut. */
static void cut_deleted(char *s, size_t *len)
{
	static const char added[] = " (deleted)";
	const size_t n = sizeof(added) - 1;
	if (*len > n && memcmp(s + *len - n, added, n) == 0) {
		*len -= n - 1;
		s[*len - 1] = '+';
	}
}

size_t vm_text_cut(char *s, size_t *len, size_t columns, bool path)
{
	size_t width = vm_text_width(s, *len);
	if (width > columns && path) {
		cut_deleted(s, len);
		width = vm_text_width(s, *len);
	}
	if (width <= columns)
		return width;
	/* A character is at least one byte, so that there is room for the mark. */
	if (path) {
		const size_t from = fitting_end(s, *len, width, columns - 1);
		*len -= from;
		memmove(s + 1, s + from, *len);
		s[0] = '+';
	} else {
		*len = vm_text_fit(s, *len, columns - 1);
		s[*len] = '+';
	}
	++*len;
	return vm_text_width(s, *len);
}
