/** The floor of vmrep: reads the files named, N times, and looks at nothing.  Usage: repfiles N FILE... */
#include <fcntl.h>
#include <stdlib.h>
#include <unistd.h>

int main(int argc, char **argv)
{
	static char buf[1 << 20];
	for (long n = argc > 1 ? strtol(argv[1], NULL, 10) : 0; n > 0; n--)
		for (int i = 2; i < argc; i++) {
			const int fd = open(argv[i], O_RDONLY);
			while (fd >= 0 && read(fd, buf, sizeof(buf)) > 0)
				;
			if (fd >= 0)
				close(fd);
		}
	return 0;
}
