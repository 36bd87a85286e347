/*
 * A libnvidia-ml.so with the ABI of the real one (nvml.h, NVML API version 13), whose machine is a file: the library's
 * own path with ".machine" behind it, mapped into memory, so that a test moves it on while it is in use. Layout of the
 * file: fake-nvml.ts. With -DOLD_DRIVER it lacks what drivers before 460 lack; with -DPASCAL_ERA also the counter.
 */
#define _GNU_SOURCE
#include <dlfcn.h>
#include <fcntl.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

typedef uint64_t u64;
typedef uint32_t u32;

enum { OK = 0, UNINITIALIZED = 1, INVALID_ARGUMENT = 2, NOT_SUPPORTED = 3, NOT_FOUND = 6, INSUFFICIENT_SIZE = 7 };
enum { DEVICES = 16, PROCESSES = 160, ROWS = 512, INSTANCES = 8 };

typedef struct { u64 pid, timestamp, sm; } Row;
typedef struct {
  u64 present, gpu_instance, compute_instance, gpu_slices, compute_slices, sm_permille, processes;
  u64 pids[PROCESSES];
} Instance;
typedef struct {
  char uuid[96], name[96], bus_id[32];
  u64 error, hangs;
  u64 has_counter, millijoules;
  u64 milliwatts, has_average, has_instant, has_usage, limit_milliwatts, most_milliwatts;
  u64 virtualization_mode, lists_error;
  u64 mig_enabled, mig_most, has_gpm;
  u64 compute_count, graphics_count, mps_count, row_count;
  u64 compute[PROCESSES], graphics[PROCESSES], mps[PROCESSES];
  Row rows[ROWS];
  Instance instances[INSTANCES];
} Device;
typedef struct {
  u64 devices, init_error, calls_error;
  u64 inits, shutdowns, calls, calls_in_flight, most_in_flight, gpm_samples;
  Device device[DEVICES];
} Machine;

static Machine *machine;

static void open_machine(void) {
  Dl_info self;
  char path[4096];
  if (machine != NULL || dladdr((void *)open_machine, &self) == 0) return;
  snprintf(path, sizeof path, "%s.machine", self.dli_fname);
  int file = open(path, O_RDWR);
  if (file < 0) return;
  void *memory = mmap(NULL, sizeof(Machine), PROT_READ | PROT_WRITE, MAP_SHARED, file, 0);
  close(file);
  if (memory != MAP_FAILED) machine = memory;
}

/* Every call: counts itself, and waits for as long as its device hangs. */
static u32 enter(Device *device) {
  if (machine == NULL || machine->inits == machine->shutdowns) return UNINITIALIZED;
  u64 now = __atomic_add_fetch(&machine->calls_in_flight, 1, __ATOMIC_SEQ_CST);
  if (now > machine->most_in_flight) machine->most_in_flight = now;
  machine->calls += 1;
  if (device != NULL) while (__atomic_load_n(&device->hangs, __ATOMIC_SEQ_CST)) usleep(1000);
  __atomic_sub_fetch(&machine->calls_in_flight, 1, __ATOMIC_SEQ_CST);
  if (machine->calls_error != OK) return (u32)machine->calls_error;
  return device == NULL ? OK : (u32)device->error;
}
#define ENTER(device) do { u32 code = enter(device); if (code != OK) return code; } while (0)

/* A handle of a device is its address; that of a MIG device is the address of its instance. */
static Device *owner(void *handle) {
  for (u64 i = 0; i < DEVICES; i++) {
    Device *device = &machine->device[i];
    if ((char *)handle >= (char *)device && (char *)handle < (char *)(device + 1)) return device;
  }
  return NULL;
}
static Instance *instance_of(void *handle) { return handle == (void *)owner(handle) ? NULL : handle; }

u32 nvmlInit_v2(void) {
  open_machine();
  if (machine == NULL) return 999;
  if (machine->init_error != OK) return (u32)machine->init_error;
  machine->inits += 1;
  return OK;
}
u32 nvmlShutdown(void) { machine->shutdowns += 1; return OK; }
u32 nvmlDeviceGetCount_v2(u32 *count) { ENTER(NULL); *count = (u32)machine->devices; return OK; }
u32 nvmlDeviceGetHandleByIndex_v2(u32 index, void **device) {
  ENTER(NULL);
  if (index >= machine->devices) return INVALID_ARGUMENT;
  *device = &machine->device[index];
  return OK;
}
u32 nvmlDeviceGetUUID(void *handle, char *out, u32 length) {
  Device *d = owner(handle);
  Instance *inside = instance_of(handle);
  ENTER(d);
  if (inside == NULL) snprintf(out, length, "%s", d->uuid);
  else snprintf(out, length, "MIG-%s-%u-%u", d->uuid + 4, (u32)inside->gpu_instance, (u32)inside->compute_instance);
  return OK;
}
u32 nvmlDeviceGetName(Device *d, char *out, u32 length) { ENTER(d); snprintf(out, length, "%s", d->name); return OK; }

typedef struct { char legacy[16]; u32 domain, bus, device, device_id, subsystem_id; char bus_id[32]; } PciInfo;
u32 nvmlDeviceGetPciInfo_v3(Device *d, PciInfo *info) {
  ENTER(d);
  memset(info, 0, sizeof *info);
  memcpy(info->bus_id, d->bus_id, 32);
  return OK;
}

#ifndef PASCAL_ERA
u32 nvmlDeviceGetTotalEnergyConsumption(Device *d, u64 *energy) {
  ENTER(d);
  if (!d->has_counter) return NOT_SUPPORTED;
  *energy = d->millijoules;
  return OK;
}
#endif
u32 nvmlDeviceGetPowerUsage(Device *d, u32 *power) {
  ENTER(d);
  if (!d->has_usage) return NOT_SUPPORTED;
  *power = (u32)d->milliwatts;
  return OK;
}
u32 nvmlDeviceGetPowerManagementLimitConstraints(Device *d, u32 *least, u32 *most) {
  ENTER(d);
  if (d->most_milliwatts == 0) return NOT_SUPPORTED;
  *least = 1000;
  *most = (u32)d->most_milliwatts;
  return OK;
}
u32 nvmlDeviceGetEnforcedPowerLimit(Device *d, u32 *limit) {
  ENTER(d);
  if (d->limit_milliwatts == 0) return NOT_SUPPORTED;
  *limit = (u32)d->limit_milliwatts;
  return OK;
}
u32 nvmlDeviceGetVirtualizationMode(Device *d, u32 *mode) { ENTER(d); *mode = (u32)d->virtualization_mode; return OK; }

#ifndef OLD_DRIVER
typedef struct { u32 field, scope; int64_t timestamp, latency; u32 type, code; u64 value; } FieldValue;
u32 nvmlDeviceGetFieldValues(Device *d, int count, FieldValue *values) {
  ENTER(d);
  for (int i = 0; i < count; i++) {
    int is_known = (values[i].field == 185 && d->has_average) || (values[i].field == 186 && d->has_instant);
    values[i].code = is_known && values[i].scope == 0 ? OK : NOT_SUPPORTED;
    values[i].type = 1;
    if (values[i].code == OK) values[i].value = d->milliwatts;
  }
  return OK;
}
typedef struct { u32 pid; u64 memory; u32 gpu_instance, compute_instance; } ProcessInfo;
#define LIST(name) name##_v3
#else
typedef struct { u32 pid; u64 memory; } ProcessInfo;
#define LIST(name) name
#endif

static u32 list(Device *d, const u64 *pids, u64 known, u32 *count, ProcessInfo *infos) {
  if (d->lists_error != OK) return (u32)d->lists_error;
  u32 room = *count;
  *count = (u32)known;
  if (room < known) return INSUFFICIENT_SIZE;
  for (u64 i = 0; i < known; i++) {
    memset(&infos[i], 0xff, sizeof infos[i]);
    infos[i].pid = (u32)pids[i];
  }
  return OK;
}
u32 LIST(nvmlDeviceGetComputeRunningProcesses)(void *handle, u32 *count, ProcessInfo *infos) {
  Device *d = owner(handle);
  ENTER(d);
  Instance *inside = instance_of(handle);
  return inside == NULL ? list(d, d->compute, d->compute_count, count, infos)
                        : list(d, inside->pids, inside->processes, count, infos);
}
u32 LIST(nvmlDeviceGetGraphicsRunningProcesses)(Device *d, u32 *count, ProcessInfo *infos) {
  ENTER(d);
  return list(d, d->graphics, d->graphics_count, count, infos);
}

typedef struct { u32 pid; u64 timestamp; u32 sm, memory, encoder, decoder; } UtilizationSample;
u32 nvmlDeviceGetProcessUtilization(Device *d, UtilizationSample *samples, u32 *count, u64 since) {
  ENTER(d);
  if (d->mig_enabled) return NOT_SUPPORTED;
  u32 room = samples == NULL ? 0 : *count, known = 0;
  for (u64 i = 0; i < d->row_count; i++) known += d->rows[i].timestamp > since;
  *count = known;
  if (known == 0) return NOT_FOUND;
  if (room < known) return INSUFFICIENT_SIZE;
  for (u64 i = 0, at = 0; i < d->row_count; i++) {
    if (d->rows[i].timestamp <= since) continue;
    samples[at++] = (UtilizationSample){(u32)d->rows[i].pid, d->rows[i].timestamp, (u32)d->rows[i].sm, 0, 0, 0};
  }
  return OK;
}

#ifndef OLD_DRIVER
u32 nvmlDeviceGetMPSComputeRunningProcesses_v3(Device *d, u32 *count, ProcessInfo *infos) {
  ENTER(d);
  return list(d, d->mps, d->mps_count, count, infos);
}
u32 nvmlDeviceGetMigMode(Device *d, u32 *current, u32 *pending) {
  ENTER(d);
  if (d->mig_most == 0) return NOT_SUPPORTED;
  *current = *pending = (u32)d->mig_enabled;
  return OK;
}
u32 nvmlDeviceGetMaxMigDeviceCount(Device *d, u32 *count) { ENTER(d); *count = (u32)d->mig_most; return OK; }
u32 nvmlDeviceGetMigDeviceHandleByIndex(Device *d, u32 index, void **mig) {
  ENTER(d);
  if (index >= INSTANCES || !d->instances[index].present) return NOT_FOUND;
  *mig = &d->instances[index];
  return OK;
}
u32 nvmlDeviceGetGpuInstanceId(void *mig, u32 *id) {
  ENTER(owner(mig));
  *id = (u32)instance_of(mig)->gpu_instance;
  return OK;
}
u32 nvmlDeviceGetComputeInstanceId(void *mig, u32 *id) {
  ENTER(owner(mig));
  *id = (u32)instance_of(mig)->compute_instance;
  return OK;
}
typedef struct { u32 sms, copy, decoders, encoders, jpeg, ofa, gpu_slices, compute_slices; u64 memory; } Attributes;
u32 nvmlDeviceGetAttributes_v2(void *mig, Attributes *out) {
  ENTER(owner(mig));
  memset(out, 0, sizeof *out);
  out->gpu_slices = (u32)instance_of(mig)->gpu_slices;
  out->compute_slices = (u32)instance_of(mig)->compute_slices;
  return OK;
}

typedef struct { u32 version, is_supported; } GpmSupport;
u32 nvmlGpmQueryDeviceSupport(Device *d, GpmSupport *support) {
  ENTER(d);
  if (support->version != 1) return 25;
  support->is_supported = (u32)d->has_gpm;
  return OK;
}
/* A sample is the place of an instance: what it was busy between two of them is what the machine says then. */
u32 nvmlGpmSampleAlloc(void **sample) {
  static u64 samples[64];
  ENTER(NULL);
  for (u64 i = 0; i < 64; i++) {
    if (samples[i] != 0) continue;
    samples[i] = 1;
    *sample = &samples[i];
    machine->gpm_samples += 1;
    return OK;
  }
  return 20;
}
u32 nvmlGpmSampleFree(u64 *sample) { *sample = 0; machine->gpm_samples -= 1; return OK; }
u32 nvmlGpmMigSampleGet(Device *d, u32 gpu_instance, u64 *sample) {
  ENTER(d);
  for (int i = 0; i < INSTANCES; i++) {
    if (!d->instances[i].present || d->instances[i].gpu_instance != gpu_instance) continue;
    *sample = (u64)&d->instances[i];
    return OK;
  }
  return NOT_FOUND;
}
typedef struct { u32 id, code; double value; const char *names[3]; } GpmMetric;
typedef struct { u32 version, count; u64 *older, *newer; GpmMetric metrics[333]; } GpmMetrics;
u32 nvmlGpmMetricsGet(GpmMetrics *get) {
  ENTER(NULL);
  if (get->version != 1) return 25;
  if (*get->older < 2 || *get->older != *get->newer) return INVALID_ARGUMENT;
  for (u32 i = 0; i < get->count; i++) {
    get->metrics[i].code = get->metrics[i].id == 2 ? OK : NOT_SUPPORTED;
    get->metrics[i].value = (double)((Instance *)*get->newer)->sm_permille / 10;
  }
  return OK;
}
#endif
