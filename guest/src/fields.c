#include "hull.h"

#include <stdlib.h>
#include <string.h>

bool fields_next(struct fields *fields, struct field_value *value) {
  if (fields->size < 6) return false;
  value->field = get16(fields->data);
  value->size = get32(fields->data + 2);
  if (value->size > fields->size - 6) return false;
  value->data = fields->data + 6;
  fields->data += 6 + (size_t)value->size;
  fields->size -= 6 + (size_t)value->size;
  return true;
}

char *field_text(const struct field_value *value) {
  if (memchr(value->data, 0, value->size) != NULL) return NULL;
  char *text = malloc((size_t)value->size + 1);
  if (text == NULL) return NULL;
  memcpy(text, value->data, value->size);
  text[value->size] = 0;
  return text;
}

uint64_t field_number(const struct field_value *value) {
  uint64_t number = 0;
  for (uint32_t i = 0; i < value->size && i < 8; i++) number |= (uint64_t)value->data[i] << (8 * i);
  return number;
}

void message_add(struct message *message, uint16_t field, const void *data, size_t size) {
  if (size > sizeof message->bytes - 6 || message->size > sizeof message->bytes - 6 - size) return;
  put16(message->bytes + message->size, field);
  put32(message->bytes + message->size + 2, (uint32_t)size);
  memcpy(message->bytes + message->size + 6, data, size);
  message->size += 6 + size;
}

void message_number(struct message *message, uint16_t field, uint64_t value) {
  uint8_t bytes[8];
  put64(bytes, value);
  message_add(message, field, bytes, sizeof bytes);
}
