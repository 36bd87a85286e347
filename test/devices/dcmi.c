/* Adds DCMI's power reading (DCMI 1.5, 6.6.1) to ipmi_sim, which has none. The watts are read from a file, live. */
#include <OpenIPMI/mcserv.h>
#include <stdio.h>

static char watts_file[1024];

static void put(unsigned char *to, unsigned value, int bytes)
{
    for (int i = 0; i < bytes; i++)
        to[i] = (value >> (8 * i)) & 0xff;
}

static void power_reading(lmc_data_t *mc, msg_t *msg, unsigned char *reply, unsigned int *length, void *data)
{
    unsigned watts = 0xffff;
    FILE *file = fopen(watts_file, "r");
    (void)mc;
    (void)data;
    if (file == NULL || msg->cmd != 2) { /* without the file the controller does not know DCMI */
        if (file != NULL)
            fclose(file);
        reply[0] = 0xc1;
        *length = 1;
        return;
    }
    if (fscanf(file, "%u", &watts) != 1)
        watts = 0xffff;
    fclose(file);
    reply[0] = 0;
    reply[1] = 0xdc;
    for (int i = 0; i < 4; i++)
        put(reply + 2 + 2 * i, watts, 2);
    put(reply + 10, 1700000000u, 4);
    put(reply + 14, 1000u, 4);
    reply[18] = 0x40;
    *length = 19;
}

int ipmi_sim_module_init(sys_data_t *sys, const char *options)
{
    (void)sys;
    snprintf(watts_file, sizeof watts_file, "%s", options);
    ipmi_emu_register_group_extension_handler(0xdc, power_reading, NULL);
    return 0;
}
