/*
 * A Modbus TCP server by libmodbus. Its registers come from standard input, a line each: `h ADDRESS VALUE` or
 * `i ADDRESS VALUE`; what was never set does not exist. It says `ready` once it listens, and `set` for each line that
 * says `done`.
 */
#include <errno.h>
#include <modbus/modbus.h>
#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

static unsigned char exists[2][65536];

static int missing(const unsigned char *query, int header)
{
    int table = query[header] == 4, first = query[header + 1] << 8 | query[header + 2];
    int count = query[header + 3] << 8 | query[header + 4];
    for (int at = first; at < first + count; at++)
        if (at > 65535 || !exists[table][at])
            return 1;
    return 0;
}

static void take_lines(modbus_mapping_t *map)
{
    static char text[1 << 20];
    static size_t length;
    ssize_t got = read(0, text + length, sizeof text - length - 1);
    if (got <= 0)
        exit(0);
    length += got;
    text[length] = 0;
    char *line = text, *end;
    for (; (end = strchr(line, '\n')) != NULL; line = end + 1) {
        char table;
        int at, value;
        *end = 0;
        if (sscanf(line, "%c %d %d", &table, &at, &value) == 3) {
            (table == 'i' ? map->tab_input_registers : map->tab_registers)[at] = value;
            exists[table == 'i'][at] = 1;
        } else if (strcmp(line, "clear") == 0)
            memset(exists, 0, sizeof exists);
        else if (strcmp(line, "done") == 0)
            puts("set"), fflush(stdout);
    }
    length = strlen(line);
    memmove(text, line, length);
}

int main(int count, char **words)
{
    modbus_t *server = modbus_new_tcp("127.0.0.1", count > 1 ? atoi(words[1]) : 1502);
    modbus_mapping_t *map = modbus_mapping_new(0, 0, 65536, 65536);
    int listener = modbus_tcp_listen(server, 4);
    if (listener < 0)
        return perror("listen"), 1;
    puts("ready"), fflush(stdout);
    struct pollfd on[6] = {{0, POLLIN, 0}, {listener, POLLIN, 0}};
    int open = 2;
    for (;;) {
        if (poll(on, open, -1) < 0 && errno != EINTR)
            return 1;
        if (on[0].revents)
            take_lines(map);
        if (on[1].revents && open < 6) {
            int client = modbus_tcp_accept(server, &listener);
            if (client >= 0)
                on[open++] = (struct pollfd){client, POLLIN, 0};
        }
        for (int at = 2; at < open; at++) {
            if (!on[at].revents)
                continue;
            unsigned char query[MODBUS_TCP_MAX_ADU_LENGTH];
            modbus_set_socket(server, on[at].fd);
            int length = modbus_receive(server, query);
            int header = modbus_get_header_length(server);
            if (length < 0) {
                close(on[at].fd);
                on[at--] = on[--open];
            } else if (length > 0 && missing(query, header))
                modbus_reply_exception(server, query, MODBUS_EXCEPTION_ILLEGAL_DATA_ADDRESS);
            else if (length > 0)
                modbus_reply(server, query, length, map);
        }
    }
}
