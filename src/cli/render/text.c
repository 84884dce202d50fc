#include "cli/render/text.h"

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
